internal import COpenSSL

/// The BIO between an SSL and its engine: it reads the engine's input in place and appends to its
/// output. It never blocks, and a write always takes everything.
enum TLSTransport {
  // Proof: made once, filled in before anyone sees it, never changed or freed.
  nonisolated(unsafe) private static let method: OpaquePointer = {
    let type = BIO_get_new_index() | Int32(BIO_TYPE_SOURCE_SINK)
    guard let method = BIO_meth_new(type, "engine") else { fatalError("BIO_meth_new") }
    BIO_meth_set_read(method) { bio, room, count in
      TLSTransport.engine(bio).transportRead(
        bio!,
        UnsafeMutableRawBufferPointer(
          start: room, count: Int(count)))
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      TLSTransport.engine(bio).transportWrite(
        UnsafeRawBufferPointer(
          start: bytes, count: Int(count)))
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    return method
  }()

  /// A BIO for the engine, which owns it through its SSL and outlives it.
  static func make(for engine: TLSEngine) -> OpaquePointer {
    guard let bio = BIO_new(method) else { fatalError("out of memory: BIO") }
    BIO_set_data(bio, Unmanaged.passUnretained(engine).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  private static func engine(_ bio: OpaquePointer?) -> TLSEngine {
    Unmanaged<TLSEngine>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
  }
}
