import XgenProtocol

/// Changes in the order in which they came, on their way to clients. Of one path, a repetition is
/// dropped, and so is `modified` right after `created`: nothing else is, a file that came and went
/// is told as such.
struct ChangeList {
  struct Change: Equatable {
    let channel: UInt32
    let event: FsEvent
  }

  private struct Key: Hashable {
    let channel: UInt32
    let path: String
  }

  private var changes: [Change] = []
  private var last: [Key: FsEvent.Change] = [:]

  var count: Int { changes.count }
  var isEmpty: Bool { changes.isEmpty }

  mutating func add(_ event: FsEvent, channel: UInt32 = 0) {
    let before = last.updateValue(event.change, forKey: Key(channel: channel, path: event.path))
    if before == event.change { return }
    if before == .created && event.change == .modified {
      last[Key(channel: channel, path: event.path)] = .created
      return
    }
    changes.append(Change(channel: channel, event: event))
  }

  mutating func takeAll() -> [Change] {
    let all = changes
    self = ChangeList()
    return all
  }
}
