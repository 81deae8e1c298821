/// The file of `--templates`: YAML that says what templates mean, over what is known without it.
///
/// ```yaml
/// templates:
///   python:
///     image: registry.example/python:3.12      # else the standard one
///     command: [jupyter, lab]                  # runs from the sandbox's start
///     resources:
///       default: {cpu: 500m, memory: 512Mi, disk: 1Gi}
///       maximum: {cpu: 2000m, memory: 2Gi, disk: 4Gi}
///       requestShare: 0.25                     # of the limits, set aside by the scheduler
///     environment: {PIP_INDEX_URL: https://pypi.example}
///     nodeSelector: {pool: sandboxes}
///     tolerations: [{key: sandboxes, operator: Exists, effect: NoSchedule}]
///     runtimeClassName: gvisor
/// ```
///
/// A name that is not known is an error: a word that is misspelt must not be passed over.
struct TemplateFile {
  private let path: String

  /// Blocks.
  static func load(
    _ path: String, over standard: PodTemplates, defaults: SandboxLimits
  ) throws(SettingError) -> PodTemplates {
    guard let bytes = try Secrets.readBytes(path, maxBytes: YAMLLimits().maxBytes) else {
      throw SettingError(name: path, problem: "there is no such file")
    }
    return try read(bytes, path, over: standard, defaults: defaults)
  }

  static func read(
    _ bytes: [UInt8], _ path: String, over standard: PodTemplates, defaults: SandboxLimits
  ) throws(SettingError) -> PodTemplates {
    let file = TemplateFile(path: path)
    let root: JSONValue
    do throws(YAMLError) { root = try YAMLDocument.parse(bytes) } catch {
      throw file.fault("\(error)")
    }
    var templates = standard.byName
    try file.checkNames(root, ["templates"], "the file")
    guard let entries = root["templates"]?.objectValue else {
      throw file.fault("templates: is missing, or no mapping of names")
    }
    for entry in entries.members {
      guard SandboxOrder.templates.contains(entry.name) else {
        let known = SandboxOrder.templates.joined(separator: ", ")
        throw file.fault("'\(entry.name)' is none of the templates \(known)")
      }
      let known = standard[entry.name]
      templates[entry.name] = try file.template(entry, over: known, defaults: defaults)
    }
    return PodTemplates(byName: templates)
  }

  // MARK: Parts

  private func template(
    _ entry: JSONObject.Member, over standard: PodTemplate?, defaults: SandboxLimits
  ) throws(SettingError) -> PodTemplate {
    let value = entry.value
    try checkNames(
      value,
      [
        "image", "command", "resources", "environment", "nodeSelector", "tolerations",
        "runtimeClassName",
      ],
      entry.name)
    let image = try text(value["image"], "\(entry.name).image") ?? standard?.image
    guard let image, KubernetesOptions.isImage(image) else {
      throw fault("\(entry.name).image: must be an image such as debian:12-slim")
    }
    var template =
      standard ?? PodTemplate(image: image, defaults: defaults, maximum: .most)
    template.image = image
    template.command = try words(value["command"], "\(entry.name).command")
    try setResources(value["resources"] ?? .null, "\(entry.name).resources", &template)
    template.nodeSelector = try texts(value["nodeSelector"], "\(entry.name).nodeSelector")
    for (name, text) in try texts(value["environment"], "\(entry.name).environment") {
      guard SandboxOrder.isEnvName(name) else {
        throw fault("\(entry.name).environment: '\(name)' is no name of a variable")
      }
      template.environment[name] = text
    }
    template.runtimeClassName = try text(
      value["runtimeClassName"], "\(entry.name).runtimeClassName")
    template.tolerations = try tolerations(value["tolerations"], "\(entry.name).tolerations")
    return template
  }

  private func setResources(
    _ value: JSONValue, _ place: String, _ template: inout PodTemplate
  ) throws(SettingError) {
    if value == .null { return }
    try checkNames(value, ["default", "maximum", "requestShare"], place)
    try setLimits(value["maximum"] ?? .null, "\(place).maximum", &template.maximum)
    try setLimits(value["default"] ?? .null, "\(place).default", &template.defaults)
    for name in ResourceName.allCases where template.defaults[name] > template.maximum[name] {
      throw fault("\(place): the default \(name.rawValue) is above the maximum")
    }
    switch value["requestShare"] {
    case nil, .null?: return
    case .double(let share)? where share > 0 && share <= 1: template.requestShare = share
    case .int(1)?: template.requestShare = 1
    default: throw fault("\(place).requestShare: must be above 0 and at most 1")
    }
  }

  private func setLimits(
    _ value: JSONValue, _ place: String, _ limits: inout SandboxLimits
  ) throws(SettingError) {
    if value == .null { return }
    try checkNames(value, ResourceName.allCases.map(\.rawValue), place)
    for name in ResourceName.allCases {
      guard let given = value[name.rawValue] else { continue }
      let text = given.stringValue ?? given.intValue.map { "\($0)" } ?? ""
      guard let amount = name.parse(text), name.bounds.contains(amount) else {
        throw fault("\(place).\(name.rawValue): must be a quantity of at most \(name.most)")
      }
      limits[name] = amount
    }
  }

  /// Kubernetes says what a toleration may be; here only its shape is looked at.
  private func tolerations(
    _ value: JSONValue?, _ place: String
  ) throws(SettingError) -> [JSONValue] {
    guard let value, value != .null else { return [] }
    guard let entries = value.arrayValue else { throw fault("\(place): must be a list") }
    for entry in entries {
      try checkNames(
        entry, ["key", "operator", "value", "effect", "tolerationSeconds"], place)
    }
    return entries
  }

  // MARK: Members

  private func checkNames(
    _ value: JSONValue, _ known: [String], _ place: String
  ) throws(SettingError) {
    guard let object = value.objectValue else { throw fault("\(place): must be a mapping") }
    guard let other = object.members.first(where: { !known.contains($0.name) }) else { return }
    throw fault(
      "\(place): '\(other.name)' is not known; names: \(known.joined(separator: ", "))")
  }

  private func text(_ value: JSONValue?, _ place: String) throws(SettingError) -> String? {
    guard let value, value != .null else { return nil }
    guard let text = value.stringValue else { throw fault("\(place): must be a text") }
    return text
  }

  private func words(_ value: JSONValue?, _ place: String) throws(SettingError) -> [String] {
    guard let value, value != .null else { return [] }
    guard let elements = value.arrayValue, !elements.isEmpty else {
      throw fault("\(place): must be a list of a program and its arguments")
    }
    var words: [String] = []
    for element in elements { words.append(try text(element, place) ?? "") }
    guard words[0] != "", !words.contains(where: { $0.contains("\0") }) else {
      throw fault("\(place): must begin with a program, and hold no NUL")
    }
    return words
  }

  private func texts(
    _ value: JSONValue?, _ place: String
  ) throws(SettingError) -> [String: String] {
    guard let value, value != .null else { return [:] }
    guard let object = value.objectValue else { throw fault("\(place): must be a mapping") }
    var texts: [String: String] = [:]
    for member in object.members { texts[member.name] = try text(member.value, place) ?? "" }
    return texts
  }

  private func fault(_ problem: String) -> SettingError {
    SettingError(name: path, problem: problem)
  }
}
