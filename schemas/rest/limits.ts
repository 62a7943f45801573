/**
 * Limits of the REST API, by name, units last. They are fixed. schemas/README.md lists them, and a
 * test compares the two.
 */
export const REST_LIMITS = {
  /** Bytes of a JSON body. */
  bodyBytesMax: 1_048_576,
  /** Bytes of a snapshot that is uploaded. */
  snapshotBytesMax: 268_435_456,
  /** Checkpoints that are kept at once. */
  checkpointsMax: 16,
  /** Characters of a checkpoint's name. */
  checkpointNameCharsMax: 64,
  /** Milliseconds that a request may wait for something. */
  waitTimeoutMsMax: 600_000,
  /** Requests that wait at once. */
  waitersMax: 1_024,
  /** Fault rules in force at once. */
  faultRulesMax: 256,
  /** Milliseconds that a fault rule puts a call off. */
  faultDelayMsMax: 600_000,
  /** VMs in one page of the list. */
  vmsPerAnswerMax: 1_000,
  /** Runs of frames in one page. */
  runsPerAnswerMax: 10_000,
  /** Frames in one compact map: a VM of 1 TiB. */
  mapFramesMax: 16_777_216,
  /** Events in one answer of the journal. */
  journalEventsPerAnswerMax: 10_000,
  /** Events from before that a stream of the journal begins with. */
  journalBacklogMax: 1_000,
  /** Events in one message of such a stream; what comes faster is counted as lost. */
  streamEventsMax: 4_096,
  /** Streams of the journal at once. */
  journalFollowersMax: 64,
}
