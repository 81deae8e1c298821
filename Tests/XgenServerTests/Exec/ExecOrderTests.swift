import Testing
import XgenProtocol

@testable import XgenServer

/// What `POST …/exec` takes (spec/api.md, Exec).
@Suite struct ExecOrderTests {
  private func order(_ json: String) throws -> ExecOrder {
    try ExecOrder(JSONFields(JSONParser.parse(Array(json.utf8))))
  }

  private func field(_ json: String) throws -> String? {
    do {
      _ = try order(json)
      return nil
    } catch let error as FieldError {
      return error.field
    }
  }

  @Test func aCommandIsEnough() throws {
    let order = try order(#"{"command":"ls"}"#)
    #expect(order.start.command == "ls" && order.start.args.isEmpty && order.start.cwd == nil)
    #expect(order.start.env.isEmpty && !order.start.tty && !order.start.resumable)
    #expect(order.stdin.isEmpty && order.timeoutSeconds == 30 && !order.isBase64)
  }

  @Test func takesAllThatTheReferenceNames() throws {
    let order = try order(
      #"{"command":"a b","args":["","é"],"env":{"PATH":"/x","LD_A":""},"cwd":"sub","#
        + #""timeout_seconds":3600,"stdin":"é\n","encoding":"base64","tty":true}"#)
    #expect(order.start.command == "a b" && order.start.args == ["", "é"])
    #expect(order.start.env == ["PATH": "/x", "LD_A": ""] && order.start.cwd == "sub")
    #expect(order.timeoutSeconds == 3600 && order.stdin == Array("é\n".utf8))
    #expect(order.isBase64 && !order.start.tty)
  }

  @Test func anEmptyCwdIsTheWorkspace() throws {
    #expect(try order(#"{"command":"a","cwd":""}"#).start.cwd == nil)
  }

  @Test(arguments: [
    (#"{}"#, "command"), (#"{"command":""}"#, "command"), (#"{"command":1}"#, "command"),
    (#"{"command":"a\u0000b"}"#, "command"), (#"{"command":"a","args":"b"}"#, "args"),
    (#"{"command":"a","args":[1]}"#, "args"), (#"{"command":"a","args":["\u0000"]}"#, "args"),
    (#"{"command":"a","cwd":1}"#, "cwd"), (#"{"command":"a","cwd":"\u0000"}"#, "cwd"),
    (#"{"command":"a","env":[]}"#, "env"), (#"{"command":"a","env":{"A":1}}"#, "env"),
    (#"{"command":"a","env":{"A-":""}}"#, "env.A-"),
    (#"{"command":"a","env":{"A":"\u0000"}}"#, "env.A"),
    (#"{"command":"a","stdin":1}"#, "stdin"),
    (#"{"command":"a","timeout_seconds":0}"#, "timeout_seconds"),
    (#"{"command":"a","timeout_seconds":3601}"#, "timeout_seconds"),
    (#"{"command":"a","timeout_seconds":-1}"#, "timeout_seconds"),
    (#"{"command":"a","timeout_seconds":"5"}"#, "timeout_seconds"),
    (#"{"command":"a","encoding":"latin1"}"#, "encoding"),
    (#"{"command":"a","encoding":true}"#, "encoding"),
  ])
  func refusesAndNamesTheField(json: String, name: String) throws {
    #expect(try field(json) == name)
  }

  @Test func argumentsAreLimitedInNumber() throws {
    func json(_ count: Int) -> String {
      let list = Array(repeating: "\"\"", count: count).joined(separator: ",")
      return #"{"command":"a","args":[\#(list)]}"#
    }
    #expect(try field(json(4096)) == nil)
    #expect(try field(json(4097)) == "args")
  }

  @Test func outputIsTextOrBase64() throws {
    let bytes: [UInt8] = [0x61, 0xFF, 0xC3, 0xA9]
    #expect(try order(#"{"command":"a"}"#).text(bytes) == "a\u{FFFD}é")
    #expect(try order(#"{"command":"a","encoding":"base64"}"#).text(bytes) == "Yf/DqQ==")
    #expect(try order(#"{"command":"a","encoding":"utf-8"}"#).text([]) == "")
  }
}
