import Testing

@testable import XgenServer

/// The seccomp program, run by an interpreter of the instructions that it uses.
@Suite struct SeccompFilterTests {
  private static let allow = BPFInstruction.allow
  private static let notPermitted = BPFInstruction.error(1)

  private static let tables = [SyscallTable.intel64, SyscallTable.arm64]

  /// What the kernel would do with a call.
  private static func verdict(
    _ table: SyscallTable, _ number: UInt32, _ arguments: UInt64..., architecture: UInt32? = nil
  ) throws -> UInt32 {
    var data: [UInt32: UInt32] = [0: number, 4: architecture ?? table.auditArchitecture]
    for index in 0..<6 {
      let argument = index < arguments.count ? arguments[index] : 0
      data[UInt32(16 + 8 * index)] = UInt32(truncatingIfNeeded: argument)
      data[UInt32(20 + 8 * index)] = UInt32(truncatingIfNeeded: argument >> 32)
    }
    return try run(SeccompFilter(table).instructions, data)
  }

  private static func run(
    _ program: [BPFInstruction], _ data: [UInt32: UInt32]
  ) throws -> UInt32 {
    var accumulator: UInt32 = 0
    var position = 0
    while true {
      let step = try #require(position < program.count ? program[position] : nil)
      position += 1
      switch step.code {
      case 0x20: accumulator = try #require(data[step.constant])
      case 0x05: position += Int(step.constant)
      case 0x15: position += Int(accumulator == step.constant ? step.ifTrue : step.ifFalse)
      case 0x35: position += Int(accumulator >= step.constant ? step.ifTrue : step.ifFalse)
      case 0x45: position += Int(accumulator & step.constant != 0 ? step.ifTrue : step.ifFalse)
      case 0x06: return step.constant
      default: throw UnknownInstruction(code: step.code)
      }
    }
  }

  struct UnknownInstruction: Error { let code: UInt16 }

  @Test(arguments: tables) func refusesEveryDeniedCallAndNoOther(_ table: SyscallTable) throws {
    for number in 0..<UInt32(600) {
      let expected =
        table.denied.contains(number)
        ? Self.notPermitted : table.absent.contains(number) ? BPFInstruction.error(38) : Self.allow
      let judgedByArguments = [table.socket, table.socketpair]
      if judgedByArguments.contains(number) { continue }
      #expect(try Self.verdict(table, number) == expected, "call \(number)")
    }
  }

  @Test(arguments: tables) func killsCallsOfAnotherArchitecture(_ table: SyscallTable) throws {
    let i386: UInt32 = 0x4000_0003
    for number in [0, 1, table.clone, table.socket] {
      #expect(
        try Self.verdict(table, number, architecture: i386) == BPFInstruction.killProcess)
    }
  }

  @Test func x32CallsDoNotExist() throws {
    for number: UInt32 in [0x4000_0000, 0x4000_00A5, 0xFFFF_FFFF] {
      #expect(try Self.verdict(.intel64, number) == BPFInstruction.error(38))
    }
  }

  @Test(arguments: tables) func refusesNamespacesInCloneAndUnshare(_ table: SyscallTable) throws {
    for bit in [17, 25, 26, 27, 28, 29, 30] as [UInt64] {
      for number in [table.clone, table.unshare] {
        #expect(try Self.verdict(table, number, 1 << bit | 17) == Self.notPermitted)
        #expect(try Self.verdict(table, number, 1 << bit | 0xF_0000_0000) == Self.notPermitted)
      }
    }
    #expect(try Self.verdict(table, table.unshare, 0x80) == Self.notPermitted)
    #expect(try Self.verdict(table, table.clone, 0x80) == Self.allow)
    #expect(try Self.verdict(table, table.clone, 0x3D_0F00) == Self.allow)  // a thread
    #expect(try Self.verdict(table, table.unshare, 0x400) == Self.allow)  // CLONE_FILES
  }

  @Test(arguments: tables) func allowsPlainPersonalitiesOnly(_ table: SyscallTable) throws {
    for value: UInt64 in [0, 0xFFFF_FFFF, 0x4_0000] {
      #expect(try Self.verdict(table, table.personality, value) == Self.allow)
    }
    for value: UInt64 in [8, 0x40_0000, 0x44_0000] {
      #expect(try Self.verdict(table, table.personality, value) == Self.notPermitted)
    }
  }

  @Test(arguments: tables) func allowsFourFamiliesOfSockets(_ table: SyscallTable) throws {
    for family in 0..<UInt64(46) {
      let expected = [1, 2, 10, 16].contains(family) ? Self.allow : BPFInstruction.error(97)
      #expect(try Self.verdict(table, table.socket, family) == expected)
      #expect(try Self.verdict(table, table.socketpair, family) == expected)
    }
  }

  @Test(arguments: tables) func refusesTypingIntoTerminals(_ table: SyscallTable) throws {
    for request: UInt64 in [0x5412, 0x541C, 0x1_0000_5412] {
      #expect(try Self.verdict(table, table.ioctl, 0, request) == Self.notPermitted)
    }
    #expect(try Self.verdict(table, table.ioctl, 0x5412, 0x5413) == Self.allow)
  }

  @Test func encodesAnInstructionAsTheKernelReadsIt() {
    #expect(
      BPFInstruction.skipUnlessEqual(0xC000_003E, 7).bytes == [
        0x15, 0, 0, 7, 0x3E, 0, 0, 0xC0,
      ])
    #expect(SeccompFilter.native.bytes.count % BPFInstruction.byteCount == 0)
    #expect(SeccompFilter.native.instructions.count < 4096)  // BPF_MAXINSNS
  }
}
