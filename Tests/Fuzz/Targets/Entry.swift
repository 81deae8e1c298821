/// Runs an invariant on libFuzzer's input; one that is broken ends the process, which libFuzzer
/// reports with the input.
func fuzz(
  _ start: UnsafePointer<UInt8>?, _ count: Int, _ check: (FuzzInput) throws -> Void
) -> CInt {
  do {
    try check(FuzzInput(bytes: Array(UnsafeBufferPointer(start: start, count: count))))
  } catch {
    fatalError("\(error)")
  }
  return 0
}
