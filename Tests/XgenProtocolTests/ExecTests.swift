import Testing

@testable import XgenProtocol

@Suite struct ExecStartTests {
  @Test func everyFieldComesBack() throws {
    #expect(try decode(Sample.fullStart.encode()) == Sample.fullStart)
  }

  @Test func extensionsAreNotWrittenUnlessUsed() throws {
    let bytes = ExecStart(command: "ls", args: ["-l"], tty: false).encode()
    #expect(bytes == (["command": "ls", "args": ["-l"], "tty": false] as Value).bytes)
  }

  @Test func absentAndNilOptionalsAreDefaults() throws {
    let bare: ExecStart = try decode((["command": "ls"] as Value).bytes)
    #expect(bare == ExecStart(command: "ls"))
    let names = ["args", "env", "cwd", "tty", "cols", "rows", "resumable", "detach_seconds"]
    let nils = Value.map([("command", "ls")] + names.map { ($0, .none) })
    #expect(try decode(nils.bytes) == bare)
  }

  @Test func unknownKeysAreIgnored() throws {
    let value: Value = ["shell": ["deep": [1, [2]]], "command": "ls", "": false]
    #expect(try decode(ExecStart.self, value.bytes).command == "ls")
    let integerKey: [UInt8] = [0x82, 0x01, 0x02] + Value.text("command").bytes + [0xa1, 0x78]
    #expect(try decode(ExecStart.self, integerKey).command == "x")
  }

  @Test(
    arguments: [
      ([:], .missingField("command")),
      (["command": .none], .missingField("command")),
      (["command": ""], .invalidField("command", .empty)),
      (["command": 7], .invalidField("command", .encoding(.typeMismatch(expected: .string)))),
      (["command": "a\0b"], .invalidField("command", .containsNUL)),
      (["command": "a", "args": ["\0"]], .invalidField("args", .containsNUL)),
      (["command": "a", "cwd": "\0"], .invalidField("cwd", .containsNUL)),
      (["command": "a", "env": ["A": "\0"]], .invalidField("env", .containsNUL)),
      (["command": "a", "env": ["A\0": ""]], .invalidField("env", .containsNUL)),
      (["command": "a", "env": ["": "x"]], .invalidField("env", .empty)),
      (["command": "a", "env": ["A=B": "x"]], .invalidField("env", .unrecognized)),
      (["command": "a", "env": ["A": "1", "A": "2"]], .invalidField("env", .repeatedName)),
      (["command": "a", "cols": -1], .invalidField("cols", .outOfRange)),
      (["command": "a", "rows": -1], .invalidField("rows", .outOfRange)),
      (
        ["command": "a", "detach_seconds": -1],
        .invalidField("detach_seconds", .encoding(.integerOutOfRange))
      ),
      (["command": "a", "command": "b"], .duplicateField("command")),
      (["command": "a", "cwd": .none, "cwd": "b"], .duplicateField("cwd")),
      (["a"], .malformed(.typeMismatch(expected: .map))),
    ] as [(Value, ProtocolError)])
  func badFieldsAreRefusedByName(value: Value, error: ProtocolError) {
    #expect(throws: error) { try decode(ExecStart.self, value.bytes) }
    #expect(error.code == .invalidPayload)
  }

  @Test func argumentsAndEnvironmentAreBounded() throws {
    func start(args: Int, env: Int) -> [UInt8] {
      let pairs = (0..<env).map { ("N\($0)", Value.text("")) }
      let list = [Value](repeating: "", count: args)
      return (["command": "a", "args": .list(list), "env": .map(pairs)] as Value).bytes
    }
    let most: ExecStart = try decode(start(args: 4096, env: 1024))
    #expect(most.args.count == 4096 && most.env.count == 1024)
    #expect(throws: ProtocolError.invalidField("args", .tooMany)) {
      try decode(ExecStart.self, start(args: 4097, env: 0))
    }
    #expect(throws: ProtocolError.invalidField("env", .tooMany)) {
      try decode(ExecStart.self, start(args: 0, env: 1025))
    }
  }

  @Test func aMessageHasABoundedCountOfFields() {
    let fields = Value.map((0...1024).map { ("f\($0)", true) })
    #expect(throws: ProtocolError.malformed(.tooManyElements)) {
      try decode(ExecStart.self, fields.bytes)
    }
  }

  @Test func trailingBytesAreRefused() {
    #expect(throws: ProtocolError.malformed(.trailingBytes)) {
      try decode(ExecStart.self, ExecStart(command: "ls").encode() + [0xc0])
    }
  }

  @Test func numbersOfJavaScriptClientsAreRead() throws {
    let value: Value = ["command": "sh", "tty": true, "cols": .float(120), "rows": .float(40)]
    let start: ExecStart = try decode(value.bytes)
    #expect(start.cols == 120 && start.rows == 40)
  }
}

@Suite struct ExecInputTests {
  @Test func stdinIsAProcessIDAndRawBytes() throws {
    let payload: [UInt8] = [0, 0, 1, 2, 0x68, 0x69]
    try withExactBytes(payload) { bytes in
      let stdin = try ExecStdin.decode(bytes)
      #expect(stdin.processID == 258)
      #expect(Array(stdin.data) == [0x68, 0x69])
      #expect(stdin.data.baseAddress == bytes.baseAddress! + 4)
      #expect(stdin.encode() == payload)
    }
  }

  @Test func stdinOfClientsHasProcessIDZeroAndMayBeEmpty() throws {
    try withExactBytes([0, 0, 0, 0]) { bytes in
      let stdin = try ExecStdin.decode(bytes)
      #expect(stdin.processID == 0 && stdin.data.isEmpty)
    }
  }

  @Test func stdinCloseIsAProcessIDAlone() throws {
    #expect(try decode([0, 0, 0, 9]) == ExecStdinClose(processID: 9))
    #expect(throws: ProtocolError.malformed(.truncated)) {
      try decode(ExecStdinClose.self, [0, 0, 0])
    }
    #expect(throws: ProtocolError.malformed(.trailingBytes)) {
      try decode(ExecStdinClose.self, [0, 0, 0, 0, 0])
    }
  }

  @Test func resizeComesWithoutProcessID() throws {
    let value: Value = ["cols": 80, "rows": 24]
    #expect(try decode(value.bytes) == ExecResize(cols: 80, rows: 24))
    #expect(ExecResize(cols: 80, rows: 24).encode() == value.bytes)
    let named: Value = ["process_id": 7, "cols": 80, "rows": 24]
    #expect(try decode(named.bytes) == ExecResize(processID: 7, cols: 80, rows: 24))
  }

  @Test func resizeRefusesZeroAndClampsLargeSizes() throws {
    #expect(throws: ProtocolError.invalidField("rows", .outOfRange)) {
      try decode(ExecResize.self, (["cols": 1, "rows": 0] as Value).bytes)
    }
    #expect(throws: ProtocolError.missingField("cols")) {
      try decode(ExecResize.self, (["rows": 1] as Value).bytes)
    }
    let large: Value = ["cols": 65_536, "rows": 1]
    #expect(try decode(large.bytes) == ExecResize(cols: 65_535, rows: 1))
  }
}

@Suite struct ExecSignalTests {
  @Test(arguments: ["SIGTERM", "TERM", "sigterm", "Term", "sigTERM"] as [String])
  func namesAreReadInAnyCaseWithOrWithoutSIG(name: String) throws {
    let signal: ExecSignal = try decode((["signal": .text(name)] as Value).bytes)
    #expect(signal == ExecSignal(processID: 0, signal: .terminate))
  }

  @Test func signalComesWithOrWithoutProcessID() throws {
    let value: Value = ["process_id": 12, "signal": 9]
    #expect(try decode(value.bytes) == ExecSignal(processID: 12, signal: .kill))
    let float: Value = ["signal": .float(2)]
    #expect(try decode(float.bytes) == ExecSignal(signal: .interrupt))
  }

  @Test func numbersAreLinuxs() {
    let numbers: [String: Int32] = [
      "HUP": 1, "ABRT": 6, "IOT": 6, "BUS": 7, "USR1": 10, "SEGV": 11, "USR2": 12, "CHLD": 17,
      "CONT": 18, "STOP": 19, "TSTP": 20, "WINCH": 28, "IO": 29, "POLL": 29, "SYS": 31,
    ]
    for (name, number) in numbers { #expect(SignalNumber(name: name)?.rawValue == number) }
  }

  @Test func everyNumberFrom1To64ComesBack() throws {
    for number in Int32(1)...64 {
      let signal = try #require(SignalNumber(rawValue: number))
      #expect(try decode(ExecSignal(signal: signal).encode()) == ExecSignal(signal: signal))
      #expect(signal.name.map { SignalNumber(name: $0) == signal } ?? (number > 31))
    }
  }

  @Test(arguments: ["", "SIG", "SIGSIGTERM", "TERMINATE", "tERM ", "ſIGTERM", "9"] as [String])
  func unknownNamesAreRefused(name: String) {
    #expect(throws: ProtocolError.invalidField("signal", .unrecognized)) {
      try decode(ExecSignal.self, (["signal": .text(name)] as Value).bytes)
    }
  }

  @Test(arguments: [0, 65, -1] as [Int64])
  func numbersThatAreNoSignalAreRefused(number: Int64) {
    #expect(throws: ProtocolError.invalidField("signal", .outOfRange)) {
      try decode(ExecSignal.self, (["signal": .int(number)] as Value).bytes)
    }
  }
}

@Suite struct ExecReplyTests {
  @Test func exitIsWrittenInBothSpellings() {
    let bytes = ExecExit(exitCode: 137).encode()
    #expect(bytes == (["exit_code": 137, "exitCode": 137] as Value).bytes)
  }

  @Test func exitIsReadFromEitherSpelling() throws {
    #expect(try decode((["exitCode": 3] as Value).bytes) == ExecExit(exitCode: 3))
    #expect(try decode((["exit_code": -1] as Value).bytes) == ExecExit(exitCode: -1))
    let nilFirst: Value = ["exit_code": .none, "exitCode": 4]
    #expect(try decode(nilFirst.bytes) == ExecExit(exitCode: 4))
    #expect(throws: ProtocolError.missingField("exit_code")) {
      try decode(ExecExit.self, ([:] as Value).bytes)
    }
  }

  @Test func ackOfAnOldClientsStartHasTwoFields() throws {
    let value: Value = ["process_id": 5, "channel": 101]
    #expect(ExecAck(processID: 5, channel: 101).encode() == value.bytes)
    #expect(try decode(value.bytes) == ExecAck(processID: 5, channel: 101))
  }

  @Test func attachAckIsEmptyWhenNothingIsLost() throws {
    #expect(ExecAttachAck().encode() == [])
    #expect(try decode([]) == ExecAttachAck())
    let lost = ExecAttachAck(stdoutLost: 5)
    #expect(try decode(lost.encode()) == lost)
  }

  @Test func listRequestIsAnEmptyMapOrNothing() throws {
    #expect(ExecList().encode() == [0x80])
    #expect(try decode([]) == ExecList())
    #expect(try decode([0x80]) == ExecList())
  }
}
