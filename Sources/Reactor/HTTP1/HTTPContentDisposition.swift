extension HTTPField {
  /// Has a browser save the body under that name instead of showing it (RFC 6266). Whatever the
  /// name holds, quotes and line ends included, it can't leave its parameter (RFC 8187).
  public static func attachment(named name: String) -> HTTPField {
    let value = "attachment; filename*=UTF-8''" + PercentEncoding.parameterValue(name)
    guard let field = HTTPField("Content-Disposition", value) else {
      preconditionFailure("an encoded name is no field value")
    }
    return field
  }
}
