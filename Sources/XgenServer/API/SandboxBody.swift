internal import XgenProtocol

/// The sandbox as clients see it (SandboxResponse of the reference).
extension JSONWriter {
  mutating func sandbox(
    _ sandbox: SandboxView, _ addresses: PublicAddresses, desktopPassword: String? = nil
  ) {
    let record = sandbox.record
    beginObject()
    key("id")
    string(record.id)
    key("status")
    string(sandbox.status.rawValue)
    if let reason = sandbox.statusReason {
      key("status_reason")
      string(reason)
    }
    key("template")
    string(record.template)
    key("ws_url")
    string(addresses.webSocket(record.id))
    key("preview_urls")
    beginObject()
    for port in record.ports {
      key(String(port))
      string(addresses.preview(record.id, port))
    }
    endObject()
    key("vnc_url")
    string(orNull: record.gui ? addresses.preview(record.id, DesktopConventions.port) : nil)
    if let desktopPassword {
      key("vnc_password")
      string(desktopPassword)
    }
    if record.previews.access == .private {
      key("preview_access")
      string(record.previews.access.rawValue)
    }
    if record.previews.host == .localhost {
      key("preview_host")
      string(record.previews.host.rawValue)
    }
    if let network = record.network {
      key("network")
      string(network.rawValue)
    }
    key("created_at")
    string("\(Timestamp(unixSeconds: record.createdAtMs / 1000))")
    key("expires_at")
    string("\(Timestamp(unixSeconds: record.expiresAtMs / 1000))")
    key("metadata")
    beginObject()
    for (name, value) in record.metadata.sorted(by: { $0.key < $1.key }) {
      key(name)
      string(value)
    }
    endObject()
    endObject()
  }
}

/// Where clients reach this server, as they are told.
struct PublicAddresses: Sendable {
  /// Without a slash at its end.
  let externalURL: String
  /// With a port where it has one.
  let previewDomain: String
  /// This server speaks TLS itself.
  let isEncrypted: Bool
  /// Whether clients are told so: whatever is not on their own machine is behind TLS. Every request
  /// to a preview asks.
  let previewsAreHTTPS: Bool

  init(externalURL: String, previewDomain: String, isEncrypted: Bool = false) {
    self.externalURL = externalURL
    self.previewDomain = previewDomain
    self.isEncrypted = isEncrypted
    let host = previewDomain.split(separator: ":").first ?? ""
    previewsAreHTTPS = isEncrypted || !(host.hasSuffix(".localhost") || host == "localhost")
  }

  func webSocket(_ id: String) -> String { "\(externalURL)/api/v1/sandboxes/\(id)/ws" }

  func preview(_ id: String, _ port: UInt16) -> String {
    "\(previewScheme)://sbx-\(id)-\(port).\(previewDomain)"
  }

  private var previewScheme: String { previewsAreHTTPS ? "https" : "http" }
}
