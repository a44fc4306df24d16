/// Where each tensor of a schedule lies in the arena.
struct Placement {
  /// The bytes that hold them all.
  let byteCount: Int

  /// For each resident of the schedule, its offset.
  let residents: [Int]

  /// For each scratch tensor of the schedule, its offset.
  let scratch: [Int]

  init(_ schedule: Schedule) {
    let residents = schedule.residents
    var sizes = [Int](repeating: 0, count: residents.count)
    for resident in residents {
      sizes[resident.root] = max(sizes[resident.root], resident.memory.layout.byteCount)
    }
    let roots = residents.indices.filter { residents[$0].root == $0 }
    let layout = ArenaLayout(
      roots.map {
        ArenaLayout.Buffer(
          byteCount: sizes[$0], first: residents[$0].first, last: residents[$0].last)
      }
        + schedule.scratch.map {
          ArenaLayout.Buffer(byteCount: $0.memory.layout.byteCount, first: $0.step, last: $0.step)
        })
    byteCount = layout.byteCount
    var offsets = [Int](repeating: 0, count: residents.count)
    for (position, root) in roots.enumerated() { offsets[root] = layout.offsets[position] }
    self.residents = residents.map { offsets[$0.root] }
    scratch = Array(layout.offsets[roots.count...])
  }
}
