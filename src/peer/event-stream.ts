/** Server-sent events as a client reads them. Source: HTML standard, section 9.2.6. */

/** Characters of one message: a server that never ends one is not a server of ours. */
const messageCharsMax = 16_777_216

/** The data of every message, as it comes. Throws when one grows beyond all bounds. */
export async function* messagesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    if (text.length > messageCharsMax) throw new Error('a message of the stream does not end')
    for (const part of parts) {
      const data = dataOf(part)
      if (data !== undefined) yield data
    }
  }
}

/** Lines of data together; undefined for a message without any: a comment, as a sign of life. */
function dataOf(message: string): string | undefined {
  const lines = message.split('\n').flatMap((line) => /^data: ?(.*)$/.exec(line)?.slice(1, 2) ?? [])
  return lines.length === 0 ? undefined : lines.join('\n')
}
