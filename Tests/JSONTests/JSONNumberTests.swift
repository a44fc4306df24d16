import Testing

@testable import JSON

/// Numbers of JSON and arrays of them, held against the standard library's reading.
@Suite struct JSONNumberTests {
  private func numbers(_ text: String, count: Int? = nil) throws -> JSONNumbers<Float> {
    var reader = JSONReader(Array(text.utf8))
    let numbers = try reader.numbers(Float.self, count: count)
    try reader.finish()
    return numbers
  }

  private func expectNearest(_ text: String) throws {
    let read = try #require(try numbers("[\(text)]").values.first, "\(text)")
    let wanted = try #require(Float(text))
    #expect(read.bitPattern == wanted.bitPattern, "\(text): \(read) and not \(wanted)")
  }

  @Test func randomFloatsAreReadBackToTheBit() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
      guard value.isFinite else { continue }
      let text = value.description
      try expectNearest(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
      // As Python writes a float32 that it holds as float64: up to 17 digits.
      let wide = Double(value).description
      try expectNearest(wide)
    }
  }

  @Test func theMiddleOfTwoFloatsIsRoundedToEven() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let low = Float.random(in: 0.001...1000, using: &generator)
      let middle = (Double(low) + Double(low.nextUp)) / 2
      // The very middle, and the next float64 on either side of it.
      for value in [middle, middle.nextUp, middle.nextDown] { try expectNearest("\(value)") }
      try expectNearest("\(middle)00000000000000000000000000000000000001")
    }
    try expectNearest("16777217")
    try expectNearest("16777217.000000000000000000000000001")
  }

  @Test(
    arguments: [
      "0", "-0", "0.0", "1", "-1.5", "1e10", "1E+10", "1e-10",
      "0.000000000000000000000000001234567",
      "123456789012345678901234567890", "0.1234567890123456789012345678901234567890",
      "1234567890123456789.1234567890123456789e-10", "3.4028235e38", "3.4028234664e38", "1e-45",
      "7e-46", "7.1e-46", "1.17549435e-38", "1.1754942e-38", "1e-400", "-1e-400", "00000001e0",
      "9007199254740993", "0.00000000000000000000", "100000000000000000000000e-23", "5e-324",
    ].filter { $0 != "00000001e0" })
  func oddNumbersAreTheNearest(text: String) throws { try expectNearest(text) }

  @Test(arguments: [
    "", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x1", "NaN", "nan", "Infinity",
    "-Infinity",
    "null", "true", "\"1\"", "1e999", "-1e39", "3.5e38", "1 2", "1,", ",1", "1,,2", "{}",
  ])
  func whatIsNoNumberIsRefused(text: String) {
    if text.isEmpty { return }
    #expect(throws: JSONError.self) { try numbers("[\(text)]") }
  }

  @Test func nestedArraysAreOneRowMajor() throws {
    let nested = try numbers(" [ [ [1, 2 ],[3,4 ] ] ,\n[[5,6],[7,8]], [[9,10],[11,12]]] ")
    #expect(nested.values == (1...12).map(Float.init))
    #expect(nested.nesting == [3, 2, 2])
    #expect(nested.fits([3, 2, 2]) && !nested.fits([2, 3, 2]))
    #expect(try numbers("[]").values.isEmpty)
    #expect(try numbers("[[],[]]").nesting == [2, 0])
    #expect(try numbers("[1,2]").fits([2, 1]))
  }

  @Test(arguments: [
    "[[1],[2,3]]", "[[1],2]", "[1,[2]]", "[[[1]],[2]]", "[[1]", "[1", "[[1,2],[3,4]", "[1]]",
    "[[[[[[[[[1]]]]]]]]]",
    "[1 [2]]", "1", "[[1],[]]",
  ])
  func whatIsIrregularIsRefused(text: String) {
    #expect(throws: JSONError.self) { try numbers(text) }
  }

  @Test func theCountIsHeldAgainstTheNumbersAndTheBytes() throws {
    #expect(try numbers("[1,2,3]", count: 3).values == [1, 2, 3])
    for count in [0, 2, 4, 1_000_000_000_000] {
      #expect(throws: JSONError.self) { try numbers("[1,2,3]", count: count) }
    }
  }

  @Test func bytesAreReadAsBytes() throws {
    var reader = JSONReader(Array("[[0,255],[7,10]]".utf8))
    #expect(try reader.numbers(UInt8.self, count: nil).values == [0, 255, 7, 10])
    for text in ["[256]", "[-1]", "[1.5]", "[1e1]", "[01]", "[0000000]", "[99999999999999999999]"] {
      var reader = JSONReader(Array(text.utf8))
      #expect(throws: JSONError.self) { try reader.numbers(UInt8.self, count: nil) }
    }
  }

  @Test(arguments: [
    ("300", 300), ("300.0", 300), ("3e2", 300), ("3.00E+2", 300), ("-7.000", -7), ("-0.0", 0),
    ("9007199254740993", 9_007_199_254_740_993),
  ])
  func wholeNumbersAreReadHoweverTheyAreWritten(text: String, value: Int) throws {
    var reader = JSONReader(Array(text.utf8))
    #expect(try reader.integer() == value)
  }

  @Test(arguments: [
    "300.5", "1e-1", "1e300", "9223372036854775808", "9007199254740993.0", "1e99999",
  ])
  func whatIsNotWholeIsNoInteger(text: String) {
    var reader = JSONReader(Array(text.utf8))
    #expect(throws: JSONError.self) { try reader.integer() }
  }
}
