/// One architecture's numbers of the system calls that the seccomp filter names
/// (asm/unistd_64.h, asm-generic/unistd.h).
struct SyscallTable: Sendable {
  /// AUDIT_ARCH_* (linux/audit.h).
  let auditArchitecture: UInt32
  /// Numbers from here on belong to another ABI of the same architecture (x32).
  let firstForeignNumber: UInt32?
  /// Refused with EPERM.
  let denied: [UInt32]
  /// Refused with ENOSYS: programs take it for an older kernel and do without.
  let absent: [UInt32]
  let clone, unshare, personality, ioctl, socket, socketpair: UInt32

  #if arch(x86_64)
    static let native = intel64
  #elseif arch(arm64)
    static let native = arm64
  #else
    #error("no table of system calls for this architecture")
  #endif

  static let intel64 = SyscallTable(
    auditArchitecture: 0xC000_003E, firstForeignNumber: 0x4000_0000,
    denied: [
      250, 248, 249,  // keyctl, add_key, request_key
      321, 298, 323,  // bpf, perf_event_open, userfaultfd
      165, 166, 155, 442,  // mount, umount2, pivot_root, mount_setattr
      246, 320, 175, 313, 176,  // kexec_load, kexec_file_load, init_, finit_, delete_module
      167, 168, 169, 163, 179, 443,  // swapon, swapoff, reboot, acct, quotactl, quotactl_fd
      103, 164, 227, 159, 305,  // syslog, settimeofday, clock_settime, adjtimex, clock_adjtime
      308, 303, 304,  // setns, name_to_handle_at, open_by_handle_at
      212, 180,  // lookup_dcookie, nfsservctl
      172, 173, 154, 153,  // iopl, ioperm, modify_ldt, vhangup
    ] + newMountCalls,
    absent: newCalls,
    clone: 56, unshare: 272, personality: 135, ioctl: 16, socket: 41, socketpair: 53)

  static let arm64 = SyscallTable(
    auditArchitecture: 0xC000_00B7, firstForeignNumber: nil,
    denied: [
      219, 217, 218,  // keyctl, add_key, request_key
      280, 241, 282,  // bpf, perf_event_open, userfaultfd
      40, 39, 41, 442,  // mount, umount2, pivot_root, mount_setattr
      104, 294, 105, 273, 106,  // kexec_load, kexec_file_load, init_, finit_, delete_module
      224, 225, 142, 89, 60, 443,  // swapon, swapoff, reboot, acct, quotactl, quotactl_fd
      116, 170, 112, 171, 266,  // syslog, settimeofday, clock_settime, adjtimex, clock_adjtime
      268, 264, 265,  // setns, name_to_handle_at, open_by_handle_at
      18, 42,  // lookup_dcookie, nfsservctl
      58,  // vhangup
    ] + newMountCalls,
    absent: newCalls,
    clone: 220, unshare: 97, personality: 92, ioctl: 29, socket: 198, socketpair: 199)

  // From 424 on every architecture has the same numbers.

  /// open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, open_tree_attr.
  private static let newMountCalls: [UInt32] = [428, 429, 430, 431, 432, 433, 467]
  /// io_uring_setup, io_uring_enter, io_uring_register; clone3, whose flags lie in memory that a
  /// filter can't read.
  private static let newCalls: [UInt32] = [425, 426, 427, 435]
}
