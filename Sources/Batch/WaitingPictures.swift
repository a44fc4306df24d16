/// Pictures that are decoded and wait for a lane.
///
/// A lane gets one of the size that it had last, if there is one: a network's plan belongs to a size, and making one costs
/// about as much as a small network's run. The picture that others are answered behind is never passed over for long.
struct WaitingPictures<Picture> {
  /// What waits.
  struct Entry {
    /// Its place in the order of answers.
    var sequence: Int
    /// The picture's extents, or 0 where nothing is to be computed.
    var size: Size
    var picture: Picture
  }

  /// A picture's extents in pixels.
  struct Size: Sendable, Hashable {
    var width: Int
    var height: Int
  }

  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }

  mutating func add(_ entry: Entry) { entries.append(entry) }

  /// Takes the next picture for a lane.
  ///
  /// - Parameters:
  ///   - size: that of the lane's last picture.
  ///   - urgent: pictures before this place go first.
  /// - Returns: the picture; `nil` where none waits.
  mutating func take(preferring size: Size?, urgentBefore urgent: Int) -> Entry? {
    guard let oldest = entries.indices.min(by: { entries[$0].sequence < entries[$1].sequence })
    else { return nil }
    guard entries[oldest].sequence >= urgent, let size,
      let alike = entries.indices.filter({ entries[$0].size == size })
        .min(by: { entries[$0].sequence < entries[$1].sequence })
    else { return entries.remove(at: oldest) }
    return entries.remove(at: alike)
  }
}
