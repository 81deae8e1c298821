internal import Reactor

extension Server {
  /// From now on these keys count. Open connections that live by a right which is gone are cut
  /// off; returns how many. A token says so by itself when it is next used.
  @discardableResult
  func replaceKeys(_ keys: APIKeyStore) -> Int {
    let old = authorizer.tokens.keys
    authorizer.tokens.keys = keys
    // A new secret under an old name is another key: the old one may have leaked.
    func isSame(_ name: String) -> Bool {
      old.entry(named: name)?.keyDigest == keys.entry(named: name)?.keyDigest
    }
    let streams = events.endStreams { caller in
      !isSame(caller.name) || !still(caller, has: .sandboxRead)
    }
    let relays = catalog.endRelays("the API key no longer allows it") { caller in
      !isSame(caller.name) || !still(caller, has: .sandboxExec)
    }
    let previews = catalog.live.values.reduce(0) { count, sandbox in
      count
        + sandbox.previews.cut { holder in
          if case .key(let name) = holder, !isSame(name) { return true }
          return !PreviewGate.stands(holder, sandbox.record, keys)
        }
    }
    return streams + relays + previews
  }

  /// Whether a caller has a right now that it had when it was let in. Who was let in as an admin
  /// may see what others own, so that a lesser role is a lost right.
  func still(_ caller: Principal, has permission: Permission) -> Bool {
    guard let now = tokens.keys.principal(named: caller.name) else { return false }
    return now.permissions.contains(permission) && now.role >= caller.role
  }
}
