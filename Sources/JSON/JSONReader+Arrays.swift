/// What an array of numbers in JSON may be read into.
public protocol JSONArrayElement: BitwiseCopyable {
  /// What a value may be, for people.
  static var rule: String { get }

  /// Reads a number and moves behind it; `nil` where it does not fit.
  @unsafe static func read(
    _ cursor: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Self?
}

extension Float: JSONArrayElement {
  /// What a value may be, for people.
  public static let rule = "a number within the range of 32-bit floats"

  /// Reads a number and moves behind it; `nil` where it does not fit.
  @inline(__always)
  @unsafe public static func read(
    _ cursor: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> Float? {
    unsafe JSONNumber.float(&cursor, end)
  }
}

extension UInt8: JSONArrayElement {
  /// What a value may be, for people.
  public static let rule = "a whole number from 0 to 255"

  /// Reads a number and moves behind it; `nil` where it does not fit.
  @inline(__always)
  @unsafe public static func read(
    _ cursor: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> UInt8? {
    let first = unsafe cursor
    var value = 0
    while unsafe cursor < end, unsafe cursor.pointee &- 0x30 < 10, unsafe cursor - first < 4 {
      value = unsafe value &* 10 &+ Int(cursor.pointee &- 0x30)
      unsafe cursor += 1
    }
    let count = unsafe cursor - first
    guard count > 0, unsafe count == 1 || first.pointee != 0x30 else { return nil }
    return UInt8(exactly: value)
  }
}

/// An array of numbers, nested or flat.
public struct JSONNumbers<Element> {
  /// The numbers, row-major.
  public var values: [Element]

  /// How the arrays were nested: one extent for a flat array.
  public var nesting: [Int]

  /// Whether the nesting is flat or that of a shape.
  public func fits(_ shape: [Int]) -> Bool { nesting.count == 1 || nesting == shape }
}

extension JSONReader {
  /// The deepest nesting of an array of numbers.
  public static let maximumRank = 8

  /// Reads an array of numbers, flat or nested regularly, into one array.
  ///
  /// Memory is that of the numbers alone: `count` of them where it is known, else as many as there are
  /// commas. A count that the remaining bytes cannot hold is not believed.
  ///
  /// - Parameters:
  ///   - type: what the numbers become.
  ///   - count: how many numbers there have to be, where that is known.
  /// - Returns: the numbers with the array's shape.
  /// - Throws: a `JSONError` that says where the array is not one.
  public mutating func numbers<Element: JSONArrayElement>(
    _ type: Element.Type, count: Int?
  ) throws(JSONError) -> JSONNumbers<Element> {
    guard try kind() == .array else { throw expected(.array) }
    let most = (end - position) / 2
    if let count, count > most {
      throw failure("\(count) numbers are announced, but the body ends before")
    }
    let capacity = count ?? min(countOfCommas() + 1, most)
    let start = position
    var scan = NumberScan()
    let values = unsafe [Element](unsafeUninitializedCapacity: capacity) { buffer, written in
      unsafe bytes.withUnsafeBufferPointer { bytes in
        unsafe scan.run(bytes, from: start, to: end, into: buffer)
      }
      written = scan.count
    }
    move(to: scan.position)
    if let reason = scan.failure { throw failure(reason.text(Element.rule)) }
    if let count, values.count != count {
      throw failure("\(values.count) numbers stand there where \(count) should", at: start)
    }
    return JSONNumbers(values: values, nesting: scan.extents)
  }

  /// How many commas stand up to the end of the array that begins here.
  private func countOfCommas() -> Int {
    // Safety: position and end lie within the bytes.
    unsafe bytes.withUnsafeBufferPointer { bytes in
      var (commas, open) = (0, 0)
      for index in position..<end {
        switch unsafe bytes[index] {
        case UInt8(ascii: ","): commas &+= 1
        case UInt8(ascii: "["): open &+= 1
        case UInt8(ascii: "]"):
          open &-= 1
          if open == 0 { return commas }
        default: break
        }
      }
      return commas
    }
  }
}

/// A pass over nested arrays of numbers.
private struct NumberScan {
  enum Failure {
    case noNumber, tooDeep, irregular, tooMany, truncated, separator

    func text(_ rule: String) -> String {
      switch self {
      case .noNumber: "\(rule) should stand here"
      case .tooDeep: "arrays are nested deeper than \(JSONReader.maximumRank)"
      case .irregular: "the arrays are of different lengths or depths"
      case .tooMany: "there are more numbers than the shape has"
      case .truncated: "it ends within an array"
      case .separator: "',' or ']' should stand here"
      }
    }
  }

  private(set) var count = 0
  private(set) var position = 0
  private(set) var failure: Failure?
  /// The length of the arrays at each depth; -1 where none has ended yet.
  private(set) var extents: [Int] = []
  /// How many elements each open array has.
  private var lengths: [Int] = []
  /// The depth at which numbers stand.
  private var leafDepth: Int?

  /// Reads the array at `start` up to its end or to what is wrong.
  @unsafe mutating func run<Element: JSONArrayElement>(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int,
    into values: UnsafeMutableBufferPointer<Element>
  ) {
    guard let base = bytes.baseAddress else { return failure = .truncated }
    // Safety: the cursor begins at `start` and moves up to `limit`, both within the bytes; `count` is
    // held against the room before each store.
    let end = unsafe base + limit
    var cursor = unsafe base + start
    defer { position = unsafe cursor - base }
    while true {
      // A value: an array, or a run of numbers.
      guard let byte = unsafe Self.next(&cursor, end) else { return failure = .truncated }
      if byte == UInt8(ascii: "[") {
        guard open() else { return }
        unsafe cursor += 1
        if unsafe Self.next(&cursor, end) == UInt8(ascii: "]"), lengths.count >= extents.count {
          leafDepth = leafDepth ?? lengths.count
        } else {
          continue
        }
      } else {
        guard leafDepth == nil || leafDepth == lengths.count else { return failure = .irregular }
        leafDepth = lengths.count
        let first = count
        while true {
          guard count < values.count else { return failure = .tooMany }
          guard let value = unsafe Element.read(&cursor, end) else { return failure = .noNumber }
          unsafe values.initializeElement(at: count, to: value)
          count &+= 1
          guard unsafe Self.next(&cursor, end) == UInt8(ascii: ",") else { break }
          unsafe cursor += 1
          guard unsafe Self.next(&cursor, end) != nil else { return failure = .truncated }
        }
        lengths[lengths.count - 1] += count - first
      }
      // The ends of arrays, and what divides them.
      while true {
        guard let byte = unsafe Self.next(&cursor, end) else { return failure = .truncated }
        if byte == UInt8(ascii: "]") {
          guard close() else { return }
          unsafe cursor += 1
          if lengths.isEmpty { return }
        } else if byte == UInt8(ascii: ",") {
          unsafe cursor += 1
          break
        } else {
          return failure = .separator
        }
      }
    }
  }

  private mutating func open() -> Bool {
    if let last = lengths.indices.last { lengths[last] += 1 }
    lengths.append(0)
    if lengths.count > extents.count { extents.append(-1) }
    if lengths.count > JSONReader.maximumRank { failure = .tooDeep }
    if let leafDepth, lengths.count > leafDepth { failure = .irregular }
    return failure == nil
  }

  private mutating func close() -> Bool {
    let depth = lengths.count - 1
    let length = lengths.removeLast()
    if extents[depth] < 0 { extents[depth] = length }
    if extents[depth] != length { failure = .irregular }
    return failure == nil
  }

  /// The next byte behind white space, to which the cursor moves.
  @inline(__always)
  @unsafe private static func next(
    _ cursor: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> UInt8? {
    while unsafe cursor < end {
      let byte = unsafe cursor.pointee
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      unsafe cursor += 1
    }
    return nil
  }
}
