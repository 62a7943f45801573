/** A process that plays the seeds that it is sent, and answers what they came to: see crew.ts. */
import { type Campaign, campaign } from './campaign.ts'

process.on('message', (part: Campaign) => {
  void campaign(part).then((sum) => process.send?.(sum))
})
