internal import Reactor

extension Server {
  /// From now on these keys count. Open connections that live by a right which is gone are cut
  /// off; returns how many. A token says so by itself when it is next used.
  @discardableResult
  func replaceKeys(_ keys: APIKeyStore) -> Int {
    authorizer.tokens.keys = keys
    let streams = events.endStreams { caller in
      !Self.still(caller, has: .sandboxRead, keys)
    }
    let relays = catalog.endRelays("the API key no longer allows it") { caller in
      !Self.still(caller, has: .sandboxExec, keys)
    }
    return streams + relays
  }

  /// Who was let in as an admin may see what others own, so that a lesser role is a lost right.
  private static func still(
    _ caller: Principal, has permission: Permission, _ keys: APIKeyStore
  ) -> Bool {
    guard let now = keys.principal(named: caller.name) else { return false }
    return now.permissions.contains(permission) && now.role >= caller.role
  }
}
