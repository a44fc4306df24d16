import Testing

@testable import Families

/// Configurations that training code writes, read as plain values.
struct ConfigurationTests {
  static func number(_ value: Double) -> ConfigValue { .number(value) }

  // What `yaml.safe_dump` writes for {"A": {"B": [[32], [64, -1]], "C": true}, ...}.
  @Test func whatPyYAMLWritesIsRead() throws {
    let value = try YAMLReader.read(
      """
      A:
        B:
        - - 32
        - - 64
          - -1
        C: true
        D: ''
        E: []
        F: {}
      # a comment
      INPUT:
        FORMAT: BGR  # another
        MEAN: &id001
        - 103.53
        - 1.0e-05
        AGAIN: *id001
        TEXT: 'it''s # one'
        FLOW: [1, 2.5, {x: a}, "b\\n"]
        EMPTY:
      ROWS:
      - &id002
        - 10.0
      - *id002
      LIST:
      - name: a
        size: 1
      - name: b
      """)
    #expect(value[["A", "B"]]?.rows == [[32], [64, -1]])
    #expect(value[["A", "C"]] == .boolean(true))
    #expect(value[["A", "D"]] == .text("") && value[["A", "E"]] == .list([]))
    #expect(value[["A", "F"]] == .object([]))
    #expect(value[["INPUT", "FORMAT"]] == .text("BGR"))
    #expect(value[["INPUT", "AGAIN"]]?.numbers == [103.53, 1e-5])
    #expect(value[["INPUT", "TEXT"]] == .text("it's # one"))
    #expect(
      value[["INPUT", "FLOW"]]
        == .list([.integer(1), .number(2.5), .object([.init("x", .text("a"))]), .text("b\n")]))
    #expect(value[["INPUT", "EMPTY"]] == .null)
    #expect(value["ROWS"]?.rows == [[10], [10]])
    #expect(value["LIST"]?.elements?.compactMap { $0["name"]?.text } == ["a", "b"])
  }

  @Test(arguments: [
    ("a: |\n  x", "line 1"), ("a: 1\n\tb: 2", "tab"), ("a: 1\na: 2", "twice"), ("a: *b", "line 1"),
    ("a: [1, 2", "line 1"), ("a: 'x", "line 1"), ("a:\n    b: 1\n  c: 2", "line 3"),
    ("---\na: 1\n---\nb: 2", "several documents"), ("<<: 1", "merge"), ("a: !x 1", "line 1"),
    (String(repeating: "- ", count: 100) + "1", "deep"),
    ("a: " + String(repeating: "[", count: 100), "deep"),
  ])
  func whatIsNotReadIsRefusedWithItsLine(text: String, words: String) {
    let error = #expect(throws: CardError.self) { _ = try YAMLReader.read(text) }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
  }

  /// Each alias repeats ten times what the one before stands for: a billion values in ten lines.
  @Test func aliasesCannotMultiply() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let row = (0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", ")
      text += "a\(level): &a\(level) [\(row)]\n"
    }
    let error = #expect(throws: CardError.self) { _ = try YAMLReader.read(text) }
    #expect(error.map { "\($0)" }?.contains("too many values") == true)
  }

  @Test func assignmentsOfPlainValuesAreRead() {
    let value = PythonReader.assignments(
      """
      _base_ = ['a.py']  # a comment
      model = dict(
          type='FasterRCNN',
          backbone=dict(depth=50, style="caffe", out_indices=(0, 1, 2, 3,)),
          stds=[1.0, -2.5e-1], none=None, on=True)
      computed = 1 / 2
      called = build(x)
      names = {'a': 1, 'b': [2]}
      scale = (1333, 800)
      """)
    #expect(value[["model", "backbone", "style"]] == .text("caffe"))
    #expect(value[["model", "backbone", "out_indices"]]?.numbers == [0, 1, 2, 3])
    #expect(value[["model", "stds"]]?.numbers == [1, -0.25])
    #expect(value[["model", "none"]] == .null && value[["model", "on"]] == .boolean(true))
    #expect(value["computed"] == nil && value["called"] == nil)
    #expect(value[["names", "b"]]?.numbers == [2])
    #expect(value["scale"]?.numbers == [1333, 800])
  }

  @Test(arguments: ["", "=", "a", "a =", "a = [", "a = dict(b", "a = '", "a = dict(", "a = --1"])
  func brokenPythonIsPassedOver(text: String) {
    #expect(PythonReader.assignments(text) == .object([]))
  }

  @Test func deepNestingIsPassedOver() {
    let text = "a = " + String(repeating: "[", count: 100_000)
    #expect(PythonReader.assignments(text) == .object([]))
  }
}
