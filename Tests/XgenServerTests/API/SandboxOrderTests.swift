import Testing

@testable import XgenServer

/// What `POST /sandboxes` takes (spec/api.md, Sandboxes).
@Suite struct SandboxOrderTests {
  private func order(
    _ json: String, network: SandboxNetwork? = nil
  ) throws -> SandboxOrder {
    let value = try JSONParser.parse(Array(json.utf8))
    return try SandboxOrder(
      try JSONFields(value), defaultTimeoutSeconds: 3600, maxTimeoutSeconds: 86_400,
      network: network)
  }

  private func problem(_ json: String, network: SandboxNetwork? = nil) throws -> FieldError? {
    do {
      _ = try order(json, network: network)
      return nil
    } catch let error as FieldError {
      return error
    }
  }

  private func members(_ count: Int, _ value: String = "v") -> String {
    "{" + (0..<count).map { #""k\#($0)":"\#(value)""# }.joined(separator: ",") + "}"
  }

  @Test func anEmptyBodyIsABaseSandboxOfTheDefaultTime() throws {
    let order = try order("{}")
    #expect(order.template == "base" && order.timeoutSeconds == 3600 && !order.gui)
    #expect(order.env.isEmpty && order.ports.isEmpty && order.metadata.isEmpty)
    #expect(order.resources == .init())
  }

  @Test func theNetworkIsWithinWhatTheServerAllows() throws {
    let (asksNone, asksAll) = (#"{"network":"none"}"#, #"{"network":"internet"}"#)
    #expect(try order("{}").network == nil)
    for most in SandboxNetwork.allCases {
      #expect(try order("{}", network: most).network == most)
      #expect(try order(#"{"network":null}"#, network: most).network == most)
      #expect(try order(asksNone, network: most).network == SandboxNetwork.none)
    }
    #expect(try order(asksAll, network: .internet).network == .internet)
    for (json, most) in [
      (asksAll, SandboxNetwork.none), (asksAll, nil), (asksNone, nil),
      (#"{"network":"lan"}"#, .internet), (#"{"network":true}"#, .internet),
    ] {
      #expect(try problem(json, network: most)?.field == "network", "\(json)")
    }
    let refusal = try #require(try problem(asksAll, network: SandboxNetwork.none))
    #expect("\(refusal)".contains("--local-network"))
  }

  @Test func takesAllThatTheReferenceNames() throws {
    let order = try order(
      #"""
      {"template":"python","timeout_seconds":60,"env":{"A_1":"x","_b":""},"ports":[1,65535],
       "gui":true,"metadata":{"":"é","k":""},"unknown":[1,{}],
       "resources":{"cpu":"500m","memory":"1Gi","disk":"10G","gpu":3}}
      """#)
    #expect(order.template == "python" && order.timeoutSeconds == 60 && order.gui)
    #expect(order.env == ["A_1": "x", "_b": ""] && order.ports == [1, 65535])
    #expect(order.metadata == ["": "é", "k": ""])
    #expect(
      order.resources
        == .init(cpuMilli: 500, memoryBytes: 1 << 30, diskBytes: 10_000_000_000))
  }

  @Test func nullIsAbsent() throws {
    let order = try order(
      #"{"template":null,"timeout_seconds":null,"env":null,"ports":null,"gui":null,"#
        + #""metadata":null,"resources":null}"#)
    #expect(order == (try self.order("{}")))
  }

  @Test(arguments: SandboxOrder.templates)
  func knowsTheTemplate(name: String) throws {
    #expect(try order(#"{"template":"\#(name)"}"#).template == name)
  }

  @Test(arguments: ["", "Python", "ubuntu", "base ", "../base"])
  func anUnknownTemplateIsRefusedWithTheKnownOnes(name: String) throws {
    let error = try #require(try problem(#"{"template":"\#(name)"}"#))
    #expect(error.field == "template")
    #expect(error.expectation == "must be one of base, nodejs, python, go, gui")
  }

  @Test(arguments: [
    (-5, 3600), (0, 3600), (1, 1), (86_400, 86_400), (86_401, 86_400), (Int.max, 86_400),
  ])
  func aTimeoutIsDefaultedAndClamped(asked: Int, given: Int) throws {
    #expect(try order(#"{"timeout_seconds":\#(asked)}"#).timeoutSeconds == given)
  }

  @Test(arguments: [
    ("500m", 500), ("4", 4000), ("4000m", 4000), ("1m", 50), ("0", 50), ("0.1", 100),
    ("0.0501", 51),
  ])
  func aCPUShareIsReadAndRaisedToTheLeast(text: String, milli: Int) throws {
    #expect(try order(#"{"resources":{"cpu":"\#(text)"}}"#).resources.cpuMilli == Int64(milli))
  }

  @Test(arguments: ["memory", "disk"])
  func sizesAreRaisedToTheLeast(name: String) throws {
    let resources = try order(#"{"resources":{"\#(name)":"1"}}"#).resources
    #expect((resources.memoryBytes ?? resources.diskBytes) == 32 << 20)
  }

  @Test(arguments: [
    ("cpu", "4001m", "4000m"), ("cpu", "5", "4000m"), ("memory", "4097Mi", "4Gi"),
    ("memory", "4294967297", "4Gi"), ("disk", "11Gi", "10Gi"),
  ])
  func moreThanTheMostIsRefusedWithIt(name: String, text: String, most: String) throws {
    let error = try problem(#"{"resources":{"\#(name)":"\#(text)"}}"#)
    #expect(error == FieldError(field: "resources.\(name)", expectation: "must be at most \(most)"))
  }

  @Test(arguments: ["", "x", "-1", "1GB", "1 Gi", "١", "1e", "0x10", "99999999999999999999"])
  func aBadQuantityIsRefused(text: String) throws {
    for name in ["cpu", "memory", "disk"] {
      let error = try problem(#"{"resources":{"\#(name)":"\#(text)"}}"#)
      #expect(error?.field == "resources.\(name)")
    }
  }

  @Test(arguments: [
    ("template", "1"), ("timeout_seconds", "\"60\""), ("timeout_seconds", "1.5"),
    ("timeout_seconds", "1.25"), ("timeout_seconds", "9223372036854775808"), ("gui", "1"),
    ("gui", "\"true\""), ("env", "[]"), ("env", "{\"A\":1}"), ("env", "{\"A\":null}"),
    ("ports", "{}"), ("ports", "[\"80\"]"), ("ports", "[80.5]"), ("ports", "[null]"),
    ("metadata", "\"x\""), ("metadata", "{\"a\":{}}"), ("resources", "[]"),
  ])
  func aWrongTypeNamesItsField(name: String, json: String) throws {
    #expect(try problem(#"{"\#(name)":\#(json)}"#)?.field == name)
  }

  @Test(arguments: ["[0]", "[-1]", "[65536]", "[9223372036854775807]", "[80,81,80]"])
  func portsAreRealAndDoNotRepeat(json: String) throws {
    #expect(try problem(#"{"ports":\#(json)}"#)?.field == "ports")
  }

  @Test func countsAreLimited() throws {
    func ports(_ count: Int) -> String {
      "[\((1...count).map(String.init).joined(separator: ","))]"
    }
    #expect(try order(#"{"ports":\#(ports(64))}"#).ports.count == 64)
    #expect(try problem(#"{"ports":\#(ports(65))}"#)?.field == "ports")
    #expect(try order(#"{"env":\#(members(50))}"#).env.count == 50)
    #expect(try problem(#"{"env":\#(members(51))}"#)?.field == "env")
    #expect(try order(#"{"metadata":\#(members(20))}"#).metadata.count == 20)
    #expect(try problem(#"{"metadata":\#(members(21))}"#)?.field == "metadata")
  }

  @Test func metadataIsLimitedInBytes() throws {
    func text(_ count: Int) -> String { String(repeating: "é", count: count / 2) }
    #expect(try problem(#"{"metadata":{"\#(text(128))":"\#(text(1024))"}}"#) == nil)
    #expect(try problem(#"{"metadata":{"\#(text(130))":""}}"#)?.field == "metadata")
    #expect(try problem(#"{"metadata":{"":"\#(text(1026))"}}"#)?.field == "metadata")
  }

  @Test(arguments: [
    "PATH", "HOME", "USER", "SHELL", "LD_PRELOAD", "LD_", "KUBERNETES_PORT", "SANDBOX_ID",
  ])
  func namesOfTheServersOwnAreRefused(name: String) throws {
    let error = try problem(#"{"env":{"\#(name)":"x"}}"#)
    #expect(error == FieldError(field: "env.\(name)", expectation: "is set by the server"))
  }

  @Test(arguments: ["", "1A", "A-B", "A B", "A=B", "É", "A\\u0000", "A\\n", "a.b"])
  func namesThatNoShellKnowsAreRefused(name: String) throws {
    let error = try #require(try problem(#"{"env":{"\#(name)":"x"}}"#))
    #expect(error.field.hasPrefix("env.") && error.expectation.contains("must match"))
  }

  @Test(arguments: ["path", "HOME_", "LDX", "MY_SANDBOX_ID", "_", "a9"])
  func namesThatOnlyLookReservedAreTaken(name: String) throws {
    #expect(try order(#"{"env":{"\#(name)":"x"}}"#).env == [name: "x"])
  }

  @Test func valuesOfTheEnvironmentAreBoundedAndHoldNoNUL() throws {
    let longest = String(repeating: "v", count: 32 * 1024)
    #expect(try problem(#"{"env":{"A":"\#(longest)"}}"#) == nil)
    #expect(try problem(#"{"env":{"A":"\#(longest)v"}}"#)?.field == "env.A")
    #expect(try problem(#"{"env":{"A":"x\u0000"}}"#)?.field == "env.A")
  }
}
