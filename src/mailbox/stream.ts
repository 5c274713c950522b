/** Octets of a generator as a byte stream: it crosses RPC with back-pressure, and a failure resets it. */

export function byteStream(octets: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      // A pull that enqueues nothing would not be repeated, so empty pieces are passed over.
      for (;;) {
        const { done, value } = await octets.next();
        if (done) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        if (value.length > 0) {
          controller.enqueue(value);
          return;
        }
      }
    },
    async cancel() {
      await octets.return(undefined);
    },
  });
}
