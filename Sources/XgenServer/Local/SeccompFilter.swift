/// The system calls that no sandbox may make, as a classic BPF program (seccomp(2)).
///
/// Everything else is allowed: a sandbox has no capability and can get none, so the list holds
/// what reaches kernel code that capabilities don't guard, and what would need them anyway.
/// Order: architecture (else killed), x32 numbers (no such call), then one pair of instructions
/// per denied call, then calls that are denied by an argument. No jump crosses another rule.
struct SeccompFilter: Sendable, Equatable {
  let instructions: [BPFInstruction]

  /// The filter for the machine that this program was built for.
  static var native: SeccompFilter { SeccompFilter(.native) }

  init(_ architecture: SyscallTable) {
    var program = Program()
    program.check(architecture)
    for number in architecture.denied { program.refuse(number, Errno.notPermitted) }
    for number in architecture.absent { program.refuse(number, Errno.noSuchCall) }
    program.refuseNamespaces(architecture.clone, Flag.namespaces)
    program.refuseNamespaces(architecture.unshare, Flag.namespaces | Flag.newTime)
    program.allowOnly(architecture.personality, [0, 0xFFFF_FFFF, 0x0004_0000], Errno.notPermitted)
    program.allowOnly(architecture.socket, Flag.families, Errno.noSuchFamily)
    program.allowOnly(architecture.socketpair, Flag.families, Errno.noSuchFamily)
    program.refuseSecondArgument(architecture.ioctl, [0x5412, 0x541C])  // TIOCSTI, TIOCLINUX
    program.finish()
    instructions = program.instructions
  }

  /// As bubblewrap's `--seccomp` wants it: an array of struct sock_filter, little-endian.
  var bytes: [UInt8] { instructions.flatMap(\.bytes) }
}

private enum Errno {
  static let notPermitted: UInt32 = 1  // EPERM
  static let noSuchCall: UInt32 = 38  // ENOSYS, which lets glibc fall back (clone3 → clone)
  static let noSuchFamily: UInt32 = 97  // EAFNOSUPPORT
}

private enum Flag {
  /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
  static let namespaces: UInt32 = 0x7E02_0000
  /// CLONE_NEWTIME; in clone's flags this bit belongs to the exit signal.
  static let newTime: UInt32 = 0x80
  /// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. Not AF_VSOCK above all: a network namespace does
  /// not hold it back, so it would reach the hypervisor.
  static let families: [UInt32] = [1, 2, 10, 16]
}

/// Instructions under construction.
private struct Program {
  var instructions: [BPFInstruction] = []

  mutating func check(_ architecture: SyscallTable) {
    instructions += [
      .load(offset: 4),
      .skipUnlessEqual(architecture.auditArchitecture, 1),
      .skip(1),
      .return(BPFInstruction.killProcess),
      .load(offset: 0),
    ]
    guard let firstForeign = architecture.firstForeignNumber else { return }
    instructions += [
      .skipIfBelow(firstForeign, 1), .return(BPFInstruction.error(Errno.noSuchCall)),
    ]
  }

  mutating func refuse(_ number: UInt32, _ error: UInt32) {
    instructions += [.skipUnlessEqual(number, 1), .return(BPFInstruction.error(error))]
  }

  /// The kernel reads the low half of these arguments only, or refuses the high half itself.
  mutating func refuseNamespaces(_ number: UInt32, _ flags: UInt32) {
    instructions += [
      .skipUnlessEqual(number, 4),
      .load(offset: 16),
      .skipIfAnySet(flags, 1),
      .return(BPFInstruction.allow),
      .return(BPFInstruction.error(Errno.notPermitted)),
    ]
  }

  mutating func allowOnly(_ number: UInt32, _ values: [UInt32], _ error: UInt32) {
    instructions += [.skipUnlessEqual(number, UInt8(2 * values.count + 2)), .load(offset: 16)]
    for value in values {
      instructions += [.skipUnlessEqual(value, 1), .return(BPFInstruction.allow)]
    }
    instructions.append(.return(BPFInstruction.error(error)))
  }

  mutating func refuseSecondArgument(_ number: UInt32, _ values: [UInt32]) {
    instructions += [.skipUnlessEqual(number, UInt8(2 * values.count + 2)), .load(offset: 24)]
    for value in values { refuse(value, Errno.notPermitted) }
    instructions.append(.return(BPFInstruction.allow))
  }

  mutating func finish() { instructions.append(.return(BPFInstruction.allow)) }
}
