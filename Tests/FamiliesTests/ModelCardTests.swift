import Testing

@testable import Families

/// Settings as JSON: what is read, what is refused and with which words, what is written.
struct ModelCardTests {
  static func card(_ json: String) throws(CardError) -> ModelCard {
    try CardReader.read(Array(json.utf8)).card
  }

  @Test func groupsAndTheNamesOfVersionOneAreRead() throws {
    let older = try Self.card(
      #"{"min_size": 480, "anchor_scales": [2.5, 6], "score_threshold": 0.25, "std": [1, 2, 3]}"#)
    let newer = try Self.card(
      #"""
      {"picture": {"min_size": 480.0, "std": [1, 2, 3]}, "classes": {"score_threshold": 0.25},
       "proposals": {"anchor_scales": [2.5, 6]}}
      """#)
    for card in [older, newer] {
      #expect(card.integer(.minimumSide) == 480)
      #expect(card.numbers(.anchorScales) == [2.5, 6])
      #expect(card.number(.scoreThreshold) == 0.25)
      #expect(card.numbers(.standardDeviation) == [1, 2, 3])
    }
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    var card = try Self.card(
      #"""
      {"name": "a \"b\"", "labels": ["x", "y"], "int8_input_ranges": {"conv1": 0.1, "fc6": [-2, 3e5]},
       "picture": {"mean": [0.485, -1e-7, 122.7717], "interpolation": "pillowBicubic"}}
      """#)
    card[.countAfterNMS] = .integer(300)
    #expect(try Self.card(card.json()).int8InputRanges == ["conv1": 0...0.1, "fc6": -2...3e5])
    #expect(try Self.card(card.json()).json() == card.json())
    #expect(try Self.card(card.json()).numbers(.mean) == [0.485, -1e-7, 122.7717])
  }

  @Test func nullIsAMemberLeftOut() throws {
    #expect(try Self.card(#"{"min_size": null, "labels": null}"#) == ModelCard())
  }

  @Test(arguments: [
    ("[]", "must be an object"), (#"{"lables": ["a"]}"#, #"is "labels" meant?"#),
    (#"{"profil": "chainercv"}"#, #"is "profile" meant?"#),
    (#"{"picture": {"minsize": 3}}"#, #"is "picture.min_size" meant?"#),
    (#"{"colour": 1}"#, "is no setting"), (#"{"picture": 3}"#, "is no setting"),
    (#"{"min_size": 600, "picture": {"min_size": 600}}"#, "twice"),
    (#"{"min_size": 0}"#, #""min_size" must be a whole number between 1 and 8192 pixels"#),
    (#"{"min_size": "600"}"#, "whole number"), (#"{"min_size": 600.5}"#, "whole number"),
    (#"{"max_size": 8193}"#, "8192"), (#"{"score_threshold": 1.5}"#, "between 0 and 1"),
    (#"{"anchor_scales": []}"#, "1 to 64 positive numbers"),
    (#"{"anchor_ratios": [1, -1]}"#, "positive"), (#"{"std": [1, 1, 0]}"#, "3 positive numbers"),
    (#"{"std": [1, 1, 1e-60]}"#, "3 positive numbers"), (#"{"mean": [1, 2]}"#, "3 numbers"),
    (#"{"mean": [1, 2, 1e300]}"#, "3 numbers"),
    (#"{"labels": ["a", "a"]}"#, "different names"), (#"{"labels": [""]}"#, "1 to 256 bytes"),
    (#"{"interpolation": "nearest"}"#, "one of"),
    (#"{"int8_input_ranges": {"a": -1}}"#, "positive"),
    (#"{"int8_input_ranges": {"a": [1, 2]}}"#, "a negative and a positive one"),
    (#"{"int8_input_ranges": {"a": [-1, 1, 2]}}"#, "a negative and a positive one"),
    ("{", "no JSON"),
    (#"{"labels": ["a"],}"#, "at byte 17"),
  ])
  func whatDoesNotFitIsRefusedWithItsName(json: String, words: String) {
    let error = #expect(throws: CardError.self) { _ = try Self.card(json) }
    #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
  }

  @Test func moreThanAMebibyteIsNotParsed() {
    let error = #expect(throws: CardError.self) {
      _ = try CardReader.read([UInt8](repeating: UInt8(ascii: " "), count: 1 << 20 + 1))
    }
    #expect(error.map { "\($0)" }?.contains("1 MiB") == true)
  }
}
