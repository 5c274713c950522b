/** Octets of a generator as a byte stream: it crosses RPC with back-pressure, and a failure resets it. */

export function byteStream(octets: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await octets.next();
      if (done) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else if (value.length > 0) controller.enqueue(value);
    },
    async cancel() {
      await octets.return(undefined);
    },
  });
}
