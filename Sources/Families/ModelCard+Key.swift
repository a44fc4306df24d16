internal import Images

extension ModelCard {
  /// All that a card can say.
  ///
  /// The raw value is where it stands in the JSON: `picture.min_size` is `min_size` in the object
  /// `picture`. `older` is how version 0.1 wrote it, which is still read.
  public enum Key: String, Sendable, CaseIterable {
    case name, version, description, profile, labels
    case int8InputRanges = "int8_input_ranges"

    case minimumSide = "picture.min_size"
    case maximumSide = "picture.max_size"
    case rounding = "picture.rounding"
    case interpolation = "picture.interpolation"
    case channelOrder = "picture.channel_order"
    case mean = "picture.mean"
    case standardDeviation = "picture.std"
    case paddingMultiple = "picture.padding_multiple"

    case normalisationEpsilon = "backbone.batch_norm_epsilon"
    case residualStride = "backbone.residual_stride"
    case lastStageDilation = "backbone.last_stage_dilation"
    case featureStride = "backbone.feature_stride"

    case anchorBaseSize = "proposals.anchor_base_size"
    case anchorScales = "proposals.anchor_scales"
    case anchorSizes = "proposals.anchor_sizes"
    case anchorRatios = "proposals.anchor_ratios"
    case anchorOffset = "proposals.anchor_offset"
    case anchorStrides = "proposals.anchor_strides"
    case countBeforeNMS = "proposals.before_nms"
    case countAfterNMS = "proposals.after_nms"
    case proposalNMSThreshold = "proposals.nms_threshold"
    case proposalScoreThreshold = "proposals.score_threshold"

    case roiOperator = "rois.operator"
    case roiSize = "rois.size"
    case roiSamplingRatio = "rois.sampling_ratio"
    case roiLevels = "rois.levels"

    case scoreThreshold = "classes.score_threshold"
    case nmsThreshold = "classes.nms_threshold"
    case maximumDetections = "classes.max_detections"
    case boxWeights = "classes.box_weights"
    case restoration = "classes.restoration"
  }
}

extension ModelCard.Key {
  /// The object that it stands in, if it stands in one, and its name there.
  var place: (group: String?, name: String) {
    let parts = rawValue.split(separator: ".", maxSplits: 1).map(String.init)
    return parts.count == 2 ? (parts[0], parts[1]) : (nil, parts[0])
  }

  /// The key's name in version 0.1, which knew no groups.
  var older: String? {
    switch self {
    case .minimumSide, .maximumSide, .interpolation, .mean, .standardDeviation, .featureStride,
      .anchorBaseSize, .anchorScales, .anchorRatios, .scoreThreshold, .nmsThreshold:
      place.name
    default: nil
    }
  }

  /// What a value must be.
  var form: ConfigForm {
    switch self {
    case .name, .version, .profile: .text(maximumBytes: 256)
    case .description: .text(maximumBytes: 4096)
    case .labels: .names
    case .int8InputRanges: .ranges
    // Sides beyond these make no sense for pictures, and bound what a request can cost.
    case .minimumSide, .maximumSide: .whole(1...8192, "pixels")
    case .rounding: .choice(ResizeRule.Rounding.allCases.map(\.rawValue))
    case .interpolation: .choice(Preprocessing.Interpolation.allCases.map(\.rawValue))
    case .channelOrder: .choice(["rgb", "bgr"])
    case .mean: .numbers(3...3, isPositive: false)
    case .standardDeviation: .numbers(3...3, isPositive: true)
    case .paddingMultiple: .whole(1...256, "pixels")
    case .normalisationEpsilon: .number(0...1)
    case .residualStride: .choice(["1x1", "3x3"])
    case .lastStageDilation: .whole(1...2, nil)
    case .featureStride: .whole(1...256, "pixels")
    case .anchorBaseSize: .number(Double(Float.leastNormalMagnitude)...8192)
    case .anchorScales: .numbers(1...64, isPositive: true)
    case .anchorSizes, .anchorRatios: .rows
    case .anchorOffset: .number(0...1)
    case .anchorStrides: .numbers(1...16, isPositive: true)
    case .countBeforeNMS: .whole(1...100_000, nil)
    case .countAfterNMS: .whole(1...10_000, nil)
    case .proposalNMSThreshold, .proposalScoreThreshold, .scoreThreshold, .nmsThreshold:
      .number(0...1)
    case .roiOperator: .choice(["pool", "align", "align_half_pixel", "align_average", "crop"])
    case .roiSize: .whole(1...64, "cells")
    case .roiSamplingRatio: .whole(0...16, "samples, 0 for as many as there are cells")
    case .roiLevels: .whole(1...16, "levels")
    case .maximumDetections: .whole(1...100_000, nil)
    case .restoration: .choice(["dividing", "multiplying"])
    case .boxWeights: .numbers(4...4, isPositive: true)
    }
  }
}

/// What a value of a card may be, and how that is said.
enum ConfigForm {
  case text(maximumBytes: Int)
  /// Different names that are not empty.
  case names
  case whole(ClosedRange<Int>, String?)
  case number(ClosedRange<Double>)
  case choice([String])
  case numbers(ClosedRange<Int>, isPositive: Bool)
  /// 1 to 64 positive numbers, or up to 16 such lists, one for each level.
  case rows
  /// For each name a positive number, or a negative and a positive one.
  case ranges

  func accepts(_ value: ConfigValue) -> Bool {
    switch self {
    case .text(let limit): value.text.map { $0.utf8.count <= limit } ?? false
    case .names:
      value.texts.map { names in
        Set(names).count == names.count
          && names.allSatisfy { !$0.isEmpty && $0.utf8.count <= 256 }
      } ?? false
    case .whole(let range, _): value.integer.map(range.contains) ?? false
    case .number(let range): value.number.map(range.contains) ?? false
    case .choice(let choices): value.text.map(choices.contains) ?? false
    case .numbers(let count, let isPositive):
      value.numbers.map { Self.fit($0, count, isPositive: isPositive) } ?? false
    case .rows:
      value.elements != nil
        && value.rows.map { rows in
          (1...16).contains(rows.count)
            && rows.allSatisfy { Self.fit($0, 1...64, isPositive: true) }
        } ?? false
    case .ranges: value.members.map { $0.allSatisfy { Self.isRange($0.value) } } ?? false
    }
  }

  private static func isRange(_ value: ConfigValue) -> Bool {
    guard let ends = value.numbers else {
      return value.number.map { Self.fit([$0], 1...1, isPositive: true) } ?? false
    }
    return Self.fit(ends, 2...2, isPositive: false) && Float(ends[0]) < 0 && Float(ends[1]) > 0
  }

  private static func fit(
    _ numbers: [Double], _ count: ClosedRange<Int>, isPositive: Bool
  ) -> Bool {
    // What no 32-bit float holds would become an infinity where it is used.
    count.contains(numbers.count)
      && numbers.allSatisfy { Float($0).isFinite && (!isPositive || Float($0) > 0) }
  }

  var words: String {
    switch self {
    case .text(let limit): "a text of at most \(limit) bytes"
    case .names: "a list of different names of 1 to 256 bytes"
    case .whole(let range, let unit):
      "a whole number between \(range.lowerBound) and \(range.upperBound)"
        + (unit.map { " " + $0 } ?? "")
    case .number(let range):
      range.lowerBound > 0
        ? "a positive number up to \(Self.short(range.upperBound))"
        : "a number between \(Self.short(range.lowerBound)) and \(Self.short(range.upperBound))"
    case .choice(let choices): "one of " + choices.joined(separator: ", ")
    case .numbers(let count, let isPositive):
      "a list of "
        + (count.lowerBound == count.upperBound
          ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)")
        + (isPositive ? " positive" : "") + " numbers"
    case .rows: "a list of 1 to 64 positive numbers, or one such list for each level"
    case .ranges: "for each layer's name a positive number, or a negative and a positive one"
    }
  }

  private static func short(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }
}
