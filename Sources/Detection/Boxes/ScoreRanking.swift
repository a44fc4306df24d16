/// The indices of the best scores, best first, ties by index: a selection, then a radix sort.
///
/// Families sort with NumPy's or torch's own order among equal scores; here it is always the lower
/// index that comes first. Selecting before sorting is what makes the best 6,000 of 20,646 cheap.
struct ScoreRanking: Sendable {
  /// The indices of the last ranking, best first.
  private(set) var order: [UInt32] = []

  /// For each entry the inverted key above the index, so that ascending order is best first.
  private var entries: [UInt64] = []
  private var scratch: [UInt64] = []
  private var histograms = [Int32](repeating: 0, count: 3 * Self.bucketCount)

  private static let digitBits = 11
  private static let bucketCount = 1 << digitBits

  /// Below this, comparing is faster than clearing and summing three histograms.
  private static let radixSortMinimum = 128

  /// Ranks the elements whose key is not 0 and keeps at most `limit` of them.
  ///
  /// - Parameters:
  ///   - keys: greater keys rank first; 0 marks an element that must not be chosen.
  ///   - count: how many of the keys take part, from the first.
  ///   - limit: the most indices to keep.
  mutating func rank(_ keys: [UInt32], count: Int, limit: Int) {
    precondition(count <= keys.count, "\(keys.count) keys for \(count) elements")
    precondition(count <= Int32.max, "\(count) scores are more than can be ranked, \(Int32.max)")
    let threshold = leastKeyOfBest(keys, count: count, limit: limit)
    entries.grow(to: count, filling: 0)
    scratch.grow(to: count, filling: 0)
    var chosen = 0
    // Safety: index < count, which is at most keys.count (checked) and entries.count (grown), and
    // chosen <= index.
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe entries.withUnsafeMutableBufferPointer { entries in
        for index in 0..<count {
          // Written in any case and counted where it stays, so that nothing is branched on: the top bit
          // of a difference, since of a comparison compilers may make a branch after all.
          let key = unsafe keys[index]
          unsafe entries[chosen] = UInt64(~key) << 32 | UInt64(index)
          chosen &+= Int(truncatingIfNeeded: (UInt64(threshold) &- 1 &- UInt64(key)) >> 63)
        }
      }
    }
    if chosen > Self.radixSortMinimum, chosen / 2 > limit { chosen = select(limit, of: chosen) }
    sort(chosen)
    let kept = min(chosen, max(limit, 0))
    order.removeAll(keepingCapacity: true)
    order.append(contentsOf: entries.prefix(kept).lazy.map { UInt32(truncatingIfNeeded: $0) })
  }

  /// The sort key of a finite score: greater scores have greater keys, and +0 and -0 the same.
  static func key(of score: Float) -> UInt32 {
    let bits = (score + 0).bitPattern
    return bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000)
  }

  /// A key that at least the best `limit` elements reach, and few others; never 0.
  private mutating func leastKeyOfBest(_ keys: [UInt32], count: Int, limit: Int) -> UInt32 {
    guard limit < count else { return 1 }
    let shift = 32 - Self.digitBits
    // Safety: index < count <= keys.count; a key shifted right by 21 bits is below 2,048.
    unsafe keys.withUnsafeBufferPointer { keys in
      unsafe histograms.withUnsafeMutableBufferPointer { histogram in
        unsafe histogram.update(repeating: 0)
        for index in 0..<count { unsafe histogram[Int(keys[index] >> shift)] &+= 1 }
      }
    }
    var reached = 0
    for bucket in stride(from: Self.bucketCount - 1, through: 1, by: -1) {
      reached += Int(histograms[bucket])
      if reached >= limit { return UInt32(bucket) << shift }
    }
    return 1
  }

  /// Drops most of the entries that are not among the best `limit`, and returns how many are left.
  ///
  /// Logits of a trained network lie close together: one bucket of the first selection may hold tens
  /// of thousands. The digit below the first one tells them apart.
  private mutating func select(_ limit: Int, of count: Int) -> Int {
    let digit = 1
    // Safety: index < count <= entries.count, and a bucket of digit 1 lies within the histograms.
    return unsafe histograms.withUnsafeMutableBufferPointer { histograms in
      unsafe entries.withUnsafeMutableBufferPointer { entries in
        // The first digit of the last entry that may be needed: entries with a lower one are all
        // needed, those with it are counted by their second digit.
        var boundary: UInt64 = 0
        for index in 0..<count { boundary = max(boundary, unsafe entries[index] >> 53) }
        unsafe histograms.update(repeating: 0)
        var sure = 0
        for index in 0..<count {
          let entry = unsafe entries[index]
          if entry >> 53 == boundary {
            unsafe histograms[Self.bucket(of: entry, digit: digit)] &+= 1
          } else {
            sure += 1
          }
        }
        var reached = sure
        var last = UInt64(Self.bucketCount - 1)
        for bucket in 0..<Self.bucketCount {
          reached += unsafe Int(histograms[digit * Self.bucketCount + bucket])
          if reached >= limit {
            last = UInt64(bucket)
            break
          }
        }
        var kept = 0
        for index in 0..<count {
          let entry = unsafe entries[index]
          unsafe entries[kept] = entry
          let second = entry >> UInt64(32 + Self.digitBits * digit) & UInt64(Self.bucketCount - 1)
          kept &+= entry >> 53 != boundary || second <= last ? 1 : 0
        }
        return kept
      }
    }
  }

  /// Sorts the first `count` entries by inverted key; equal keys keep their order, that of indices.
  private mutating func sort(_ count: Int) {
    guard count > Self.radixSortMinimum else { return insertionSort(count) }
    // Safety: `entries` and `scratch` were grown to more than `count`; histograms holds three of
    // bucketCount; a digit is masked to less than that.
    unsafe histograms.withUnsafeMutableBufferPointer { histograms in
      unsafe entries.withUnsafeMutableBufferPointer { entries in
        unsafe scratch.withUnsafeMutableBufferPointer { scratch in
          unsafe histograms.update(repeating: 0)
          for index in 0..<count {
            let entry = unsafe entries[index]
            unsafe histograms[Self.bucket(of: entry, digit: 0)] &+= 1
            unsafe histograms[Self.bucket(of: entry, digit: 1)] &+= 1
            unsafe histograms[Self.bucket(of: entry, digit: 2)] &+= 1
          }
          unsafe Self.distribute(entries, count, digit: 0, histograms, into: scratch)
          unsafe Self.distribute(scratch, count, digit: 1, histograms, into: entries)
          unsafe Self.distribute(entries, count, digit: 2, histograms, into: scratch)
        }
      }
    }
    swap(&entries, &scratch)
  }

  /// One pass of the radix sort: moves entries to where their digit belongs.
  private static func distribute(
    _ source: UnsafeMutableBufferPointer<UInt64>, _ count: Int, digit: Int,
    _ histograms: UnsafeMutableBufferPointer<Int32>,
    into target: UnsafeMutableBufferPointer<UInt64>
  ) {
    // Safety: the caller's sizes; the positions are a permutation of 0..<count, because the
    // histogram of this digit counts these very entries.
    var position: Int32 = 0
    for bucket in digit * bucketCount..<(digit + 1) * bucketCount {
      let size = unsafe histograms[bucket]
      unsafe histograms[bucket] = position
      position &+= size
    }
    for index in 0..<count {
      let entry = unsafe source[index]
      let bucket = bucket(of: entry, digit: digit)
      let place = unsafe Int(histograms[bucket])
      unsafe target[place] = entry
      unsafe histograms[bucket] &+= 1
    }
  }

  /// The place of an entry's digit among the three histograms, one after the other.
  @inline(__always)
  private static func bucket(of entry: UInt64, digit: Int) -> Int {
    let value = Int(truncatingIfNeeded: entry >> UInt64(32 + digit * digitBits))
    return digit * bucketCount + value & (bucketCount - 1)
  }

  private mutating func insertionSort(_ count: Int) {
    guard count > 1 else { return }
    for index in 1..<count {
      let entry = entries[index]
      var position = index
      while position > 0, entries[position - 1] > entry {
        entries[position] = entries[position - 1]
        position -= 1
      }
      entries[position] = entry
    }
  }
}
