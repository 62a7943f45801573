/** What a peer has sent and received, for inspection. */

/** Counts since the peer began. Bytes of text are its characters: what is sent is nearly all ASCII. */
export interface Counters {
  callsSent: number
  callsReceived: number
  answersSent: number
  answersReceived: number
  errorsSent: number
  errorsReceived: number
  /** Answers and errors that belonged to no open call. */
  straysReceived: number
  /** Items that were refused before they became a call. */
  faultsReceived: number
  /** Calls of theirs that came again after a resume, and were not begun a second time. */
  callsRepeated: number
  /** Answers that were given again for them. */
  answersRepeated: number
  /** Calls of ours that were sent again. */
  callsResent: number
  /** Connections that took the place of another one. */
  resumes: number
  /** What we said that was not sent before the connection ended, or was said after it. */
  itemsDropped: number
  messagesSent: number
  messagesReceived: number
  bytesSent: number
  bytesReceived: number
}

export const newCounters = (): Counters => ({
  callsSent: 0,
  callsReceived: 0,
  answersSent: 0,
  answersReceived: 0,
  errorsSent: 0,
  errorsReceived: 0,
  straysReceived: 0,
  faultsReceived: 0,
  callsRepeated: 0,
  answersRepeated: 0,
  callsResent: 0,
  resumes: 0,
  itemsDropped: 0,
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
})
