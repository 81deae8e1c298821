/// What server and sidecar agree on about a sandbox's desktop.
public enum DesktopConventions {
  public static let displayVariable = "DISPLAY"
  public static let display = ":0"
  /// Holds the VNC password, of which eight characters count (RFC 6143 §7.2.2). No client can set a
  /// variable of such a name.
  public static let passwordVariable = "SANDBOX_DESKTOP_PASSWORD"
  /// Where the desktop's page is, inside, on 127.0.0.1.
  public static let port: UInt16 = 6080
}
