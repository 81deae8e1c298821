import ServerTestSupport
import Testing

@testable import XgenServer

@Suite struct TurnsTests {
  @LoopActor
  private final class Visits {
    let turns: Turns
    private(set) var inside = 0
    private(set) var most = 0
    private(set) var order: [Int] = []

    init(places: Int) { turns = Turns(places: places) }

    func visit(_ number: Int) async {
      await turns.enter()
      order.append(number)
      inside += 1
      most = max(most, inside)
      await ServerTestSupport.turns(1)
      inside -= 1
      turns.leave()
    }
  }

  @Test(arguments: [1, 3])
  func soManyAreInsideAtOnceAndTheOthersComeInOrder(places: Int) async throws {
    try await TestLoop.run {
      let visits = Visits(places: places)
      for number in 0..<20 { LoopActor.task { await visits.visit(number) } }
      try await eventually("all were inside") { visits.order.count == 20 && visits.inside == 0 }
      #expect(visits.most == places && visits.order == Array(0..<20))
    }
  }
}
