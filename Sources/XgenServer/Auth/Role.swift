/// What a client may do. Raw values are the wire's and the key file's.
enum Permission: String, CaseIterable, Sendable {
  case sandboxCreate = "sandbox:create"
  case sandboxRead = "sandbox:read"
  case sandboxWrite = "sandbox:write"
  case sandboxExec = "sandbox:exec"
  case sandboxFiles = "sandbox:files"
  case sandboxDelete = "sandbox:delete"
  case adminRead = "admin:read"
}

/// A named set of permissions; a greater role may do all that a lesser one may.
enum Role: String, CaseIterable, Sendable, Comparable {
  case viewer
  case user
  case admin

  var permissions: Set<Permission> {
    switch self {
    case .viewer: [.sandboxRead]
    case .user: Set(Permission.allCases).subtracting([.adminRead])
    case .admin: Set(Permission.allCases)
    }
  }

  private var rank: Int {
    switch self {
    case .viewer: 0
    case .user: 1
    case .admin: 2
    }
  }

  static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }
}

/// Who asks, and what they may do now.
struct Principal: Equatable, Sendable {
  /// The API key's name; owns sandboxes, rate limit and idempotency keys.
  let name: String
  let role: Role
  /// Never more than the role has.
  let permissions: Set<Permission>

  /// `permissions` nil is all that the role has.
  init(name: String, role: Role, permissions: Set<Permission>? = nil) {
    self.name = name
    self.role = role
    self.permissions = permissions.map(role.permissions.intersection) ?? role.permissions
  }

  /// The part of these rights that `role` and `permissions` (nil: all of the role's) leave.
  func restricted(to role: Role, _ permissions: Set<Permission>?) -> Principal {
    let claimed = permissions.map(role.permissions.intersection) ?? role.permissions
    return Principal(
      name: name, role: min(self.role, role),
      permissions: self.permissions.intersection(claimed))
  }
}
