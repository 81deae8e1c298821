#if canImport(XgenServer)
  import Reactor
  @testable import XgenServer
#endif

/// Whatever object the cluster tells of, by whomever it was written: what is taken for a pod of ours
/// has the name that its id leads to, its record is read back as it is written, and its reason is one
/// bounded line; an end is that of its name, and is read back, too; a lease's numbers are in range.
func checkPod(_ input: FuzzInput) throws {
  guard let object = try? JSONParser.parse(input.bytes) else { return }
  try checkPod(object)
  try checkEnd(object)
  if let lease = LeaseManifest.observed(object) {
    try require(lease.durationSeconds >= 0 && lease.transitions >= 0, "\(lease)")
    try require(!lease.resourceVersion.isEmpty, "\(lease)")
  }
  try checkReason(PodStatus.problem(object))
}

private func checkPod(_ object: JSONValue) throws {
  guard let pod = SandboxPod(object) else { return }
  try require(object["metadata"]?["name"]?.stringValue == pod.name, "another name: \(pod)")
  try require((pod.pool == nil) == (pod.record != nil), "both or neither: \(pod)")
  try require(pod.sidecar?.port != 0, "no port: \(pod)")
  try checkReason(pod.problem)
  guard let record = pod.record else { return }
  try require(!record.owner.isEmpty && record.env.isEmpty, "\(record)")
  guard case .object(let annotations) = JSONValue.members(SandboxAnnotations.of(record)) else {
    return
  }
  let again = SandboxAnnotations.record(id: pod.id, template: pod.template, annotations)
  try require(again == record, "\(record) became \(String(describing: again))")
}

private func checkEnd(_ object: JSONValue) throws {
  guard let end = EndManifest(object) else { return }
  let again = EndManifest(end.object(namespace: "n"))
  try require(again?.stone == end.stone && again?.claim == end.claim, "\(end)")
}

private func checkReason(_ reason: String?) throws {
  guard let reason else { return }
  try require(
    1...KubernetesBackendLimits.maxReasonBytes ~= reason.utf8.count, "of \(reason.utf8.count) bytes"
  )
  try require(!reason.utf8.contains { $0 < 0x20 }, "a control character: \(reason)")
}
