/// The protocol's named limits: what a peer may make us hold, loop over or nest.
public enum WireLimits {
  /// The largest `FsRead` reply or `FsWrite` payload.
  public static let maxFilePayloadBytes = 64 * 1024 * 1024
  /// The largest payload of any other type.
  public static let maxPayloadBytes = 1024 * 1024

  /// How deep arrays and maps may nest.
  public static let maxNestingDepth = 32
  /// How many values one skipped (unknown) value may consist of.
  public static let maxSkippedElements = 65_536
  /// How many keys, known or not, a message's map may have.
  public static let maxFields = 1024

  public static let maxArguments = 4096
  public static let maxEnvironmentVariables = 1024
  /// `PATH_MAX` and `NAME_MAX` of Linux.
  public static let maxPathBytes = 4096
  public static let maxPathComponentBytes = 255
  /// How many entries a listing may have.
  public static let maxListedEntries = 10_000
  /// How many open ports a sandbox shows; the lowest, where there are more.
  public static let maxOpenPorts = 1024
  /// `07777`: permissions, setuid, setgid and sticky.
  public static let maxFileMode: UInt32 = 0o7777

  /// The first channel given to an `ExecStart` that came on channel 0.
  public static let firstAssignedChannel: UInt32 = 101
  /// How long a resumable process outlives its connection unless its client says otherwise.
  public static let defaultDetachSeconds: UInt32 = 600
}
