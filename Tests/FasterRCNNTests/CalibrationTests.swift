import Testing

@testable import FasterRCNN

struct CalibrationTests {
  func histogram(_ parts: [[Float]]) -> InputHistogram {
    var histogram = InputHistogram()
    for part in parts { unsafe part.withUnsafeBufferPointer { unsafe histogram.add($0) } }
    return histogram
  }

  @Test func aShareOfValuesLiesBelowTheRange() {
    // 1 to 10,000 in an order that widens the bound again and again.
    let values = (1...10_000).map(Float.init)
    for parts in [[values], values.map { [$0] }, [Array(values.reversed())]] {
      let histogram = histogram(parts)
      #expect(histogram.total == 10_000)
      #expect(histogram.minimum == 1)
      #expect(histogram.maximum == 10_000)
      #expect(histogram.value(below: 1) == 10_000)
      for share in [0.5, 0.9, 0.999] {
        // Bins are at most 16,384 / 4,096 = 4 wide.
        #expect(abs(histogram.value(below: share) - Float(10_000 * share)) <= 8)
      }
    }
  }

  @Test func sharesOfBothSignsAreFound() {
    let found = histogram([(-1000...3000).map { Float($0) / 1000 }])
    // A hundredth of 4,001 values lies beyond either end; bins are at most 4 / 4,096 wide.
    #expect(abs(found.value(above: 0.99) + 0.96) <= 0.002)
    #expect(abs(found.value(below: 0.99) - 2.96) <= 0.002)
    // Fewer are negative than are left out.
    #expect(abs(found.value(above: 0.7)) <= 0.002)
  }

  @Test func valuesThatAreNoRangeAreLeftOut() {
    #expect(histogram([[0, 0, 0]]).value(below: 0.9) == 0)
    #expect(histogram([[.nan, .infinity]]).total == 0)
    #expect(histogram([[.nan, 2, 1]]).total == 2)
    #expect(histogram([[-1, 2]]).minimum == -1)
    #expect(histogram([[-1, 2]]).value(above: 1) == -1)
    #expect(histogram([[0], [5]]).value(below: 1) == 5)
  }

  @Test func rangesOfLayersThatAreNotThereAreRefused() throws {
    let known = #"{"int8_input_ranges": {"rpn_conv": 2.5, "fc6": 3}}"#
    #expect(try MismatchTests.open(settings: known).isCalibrated)
    #expect(try !MismatchTests.open().isCalibrated)
    let strange = #"{"int8_input_ranges": {"rpn_conv": 2.5, "conv9_9": 3}}"#
    let message = MismatchTests.message { try MismatchTests.open(settings: strange) }
    #expect(message.contains("conv9_9"), "\(message)")
    let wrongRanges = [
      #"{"fc6": 0}"#, #"{"fc6": [-1, 0]}"#, #"{"fc6": [-1, 1e60]}"#, #"{"fc6": -1}"#,
      #"{"fc6": "3"}"#, "[1]",
    ]
    for wrong in wrongRanges {
      let message = MismatchTests.message {
        try MismatchTests.open(settings: #"{"int8_input_ranges": \#(wrong)}"#)
      }
      #expect(message.contains("int8_input_ranges"), "\(message)")
    }
  }
}
