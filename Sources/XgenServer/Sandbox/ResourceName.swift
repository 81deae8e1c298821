/// A resource that a client may bound in `resources`, and within what (spec/api.md, Sandboxes).
enum ResourceName: String, Sendable, CaseIterable {
  case cpu, memory, disk

  /// Thousandths of a core for cpu, else bytes: below is raised, above is refused.
  var bounds: ClosedRange<Int64> {
    switch self {
    case .cpu: 50...4000
    case .memory: (32 << 20)...(4 << 30)
    case .disk: (32 << 20)...(10 << 30)
    }
  }

  /// The upper bound as a client writes it.
  var most: String {
    switch self {
    case .cpu: "\(bounds.upperBound)m"
    case .memory, .disk: Quantity.binary(bounds.upperBound)
    }
  }

  /// Reads a quantity in this resource's unit; nil if it is none.
  func parse(_ text: String) -> Int64? {
    switch self {
    case .cpu: Quantity.milli(text)
    case .memory, .disk: Quantity.whole(text)
    }
  }
}

extension Set<ResourceName> {
  /// `cpu, memory`, in the order of the API.
  var list: String {
    ResourceName.allCases.filter { contains($0) }.map(\.rawValue).joined(separator: ", ")
  }
}
