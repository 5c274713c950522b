/** Octets on their way out of the object, at the pace of whoever takes them. */

/**
 * Octets of a generator as a byte stream: it crosses RPC with back-pressure, and a failure resets it. `over` is called
 * once nothing is read any more, however that came about and even if nothing ever was.
 */
export function byteStream(octets: AsyncGenerator<Uint8Array>, over: () => void = () => undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      // A pull that enqueues nothing would not be repeated, so empty pieces are passed over.
      for (;;) {
        const { done, value } = await octets.next().catch((error: unknown) => {
          over();
          throw error;
        });
        if (done) {
          over();
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
      over();
      await octets.return(undefined);
    },
  });
}
