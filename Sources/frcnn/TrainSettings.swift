import TrainingData

/// The choices of `frcnn train` that flags and environment variables offer.
enum TrainSettings {
  // MARK: Pictures

  static let split = Setting<String?>(
    name: "split", purpose: "Which part of the set to train on.", standard: nil,
    standardText: "train, trainval or the only one", form: .optionalText("name", "a part's name"))

  static let validationSplit = Setting<String?>(
    name: "validation-split", purpose: "Which part of the set to measure with after each epoch.",
    standard: nil, standardText: "val where it is there; never test",
    form: .optionalText("name", "a part's name"))

  static let validationShare = Setting<Double?>(
    name: "validation-share",
    purpose:
      "Which share of the pictures to hold back for measuring instead of a part; 0 for none.",
    standard: nil, standardText: "0.1 where there is no such part",
    form: .optional(.real("share", 0...0.9)))

  static let orientation = Setting(
    name: "orientation",
    purpose:
      "Whether pictures are turned as their EXIF says; auto asks the size in the annotation.",
    standard: AnnotatedPictureReader.Turning.auto, standardText: "auto",
    form: .choice("auto|apply|ignore", AnnotatedPictureReader.Turning.init(rawValue:)))

  // MARK: Model

  static let from = Setting<String?>(
    name: "from",
    purpose: """
      Where to begin: 'embedded', 'nothing', a model of any served family, or ImageNet's VGG16 or \
      ResNet as torchvision saves them.
      """,
    standard: nil, standardText: "embedded, or nothing where an architecture is named",
    form: .optionalText("start", "embedded, nothing or the path of a file"))

  static let architecture = Setting<String?>(
    name: "architecture",
    purpose: "The network: narrow-vgg (the embedded model's), vgg16, resnet18-fpn, resnet50-fpn.",
    standard: nil, standardText: "that of --from",
    form: .optionalText("name", "narrow-vgg, vgg16, resnet18-fpn or resnet50-fpn"))

  static let minimumSide = Setting<Int?>(
    name: "min-size", purpose: "What the shorter side of a picture is resized to.", standard: nil,
    standardText: "what the architecture does: 480, 600 or 800",
    form: .optional(.number("pixels", 32...4096)))

  static let maximumSide = Setting<Int?>(
    name: "max-size", purpose: "The most that the longer side may become.", standard: nil,
    standardText: "what the architecture does", form: .optional(.number("pixels", 32...8192)))

  static let anchors = Setting(
    name: "anchors",
    purpose: """
      The scales of the anchors, in units of 16 pixels of the resized picture, as 2,5,12; auto \
      measures the objects. For a new narrow-vgg or vgg16.
      """,
    standard: AnchorChoice.automatic, standardText: "auto",
    form: SettingForm(valueName: "scales", expectation: "auto, model, or numbers as 2,5,12") {
      AnchorChoice($0)
    })

  static let freeze = Setting<String?>(
    name: "freeze",
    purpose: """
      Layers that do not learn, by the beginnings of their canonical names, as \
      backbone.features.0,backbone.features.2; 'backbone' for all of it, 'none' for none.
      """,
    standard: nil, standardText: "what the preset does",
    form: .optionalText("layers", "names divided by commas, or none"))

  // MARK: How

  static let preset = Setting(
    name: "preset",
    purpose: """
      A whole way to train: standard (few pictures, any start), note-001 (simple-faster-rcnn), \
      note-000, note-004, torchvision. Other options go before it.
      """,
    standard: TrainPreset.standard, standardText: "standard",
    form: .choice("name", TrainPreset.init(rawValue:)))

  static let epochs = Setting<Double?>(
    name: "epochs", purpose: "How often to see all pictures.", standard: nil,
    standardText: "30 from nothing, 20 from ImageNet, 12 from a model; or what the preset does",
    form: .optional(.real("count", 0.01...10_000)))

  static let iterations = Setting<Int?>(
    name: "iterations", purpose: "How many steps to do, instead of --epochs.", standard: nil,
    standardText: "as many as the epochs need", form: .optional(.number("count", 1...10_000_000)))

  static let time = Setting<Duration?>(
    name: "time",
    purpose: "How long to train, as 45m or 2h, instead of --epochs: some steps are timed first.",
    standard: nil, standardText: "as long as it takes",
    form: .optional(.longDuration(.seconds(1)...(.seconds(30 * 86_400)))))

  static let batch = Setting<Int?>(
    name: "batch", purpose: "How many pictures a step learns from.", standard: nil,
    standardText: "2; note presets 1", form: .optional(.number("count", 1...64)))

  static let rate = Setting<Double?>(
    name: "rate", purpose: "The learning rate.", standard: nil,
    standardText: "0.004 from nothing, 0.002 from a model; or what the preset does",
    form: .optional(.real("number", 1e-9...10)))

  static let schedule = Setting(
    name: "schedule",
    purpose: "How the rate falls: cosine, constant, or steps:EPOCH,EPOCH to a tenth each.",
    standard: nil, standardText: "cosine, or what the preset does",
    form: SettingForm<ScheduleChoice?>(
      valueName: "course", expectation: "cosine, constant or steps:9 as numbers of epochs"
    ) { text in ScheduleChoice(text).map(Optional.some) })

  static let warmUp = Setting<Int?>(
    name: "warm-up", purpose: "Over how many steps the rate grows from nearly nothing.",
    standard: nil, standardText: "200, a tenth of the steps at most; or what the preset does",
    form: .optional(.number("steps", 0...1_000_000)))

  static let momentum = Setting<Double?>(
    name: "momentum", purpose: "How much of an update the next one repeats.", standard: nil,
    standardText: "0.9", form: .optional(.real("share", 0...0.9999)))

  static let weightDecay = Setting<Double?>(
    name: "weight-decay", purpose: "How much of each weight is added to its gradient.",
    standard: nil, standardText: "0.0005; pyramids 0.0001", form: .optional(.real("share", 0...1)))

  static let clip = Setting<Double?>(
    name: "clip", purpose: "The norm of all gradients that larger ones are reduced to; 0 for none.",
    standard: nil, standardText: "10; none with other presets",
    form: .optional(.real("norm", 0...1e9)))

  static let average = Setting<Double?>(
    name: "average",
    purpose: "How much of the averaged weights stays in each step, as 0.999; 0 for no average.",
    standard: nil, standardText: "by the number of steps; none with other presets",
    form: .optional(.real("share", 0...0.99999)))

  static let seed = Setting(
    name: "seed", purpose: "Equal seeds give equal trainings on one thread.", standard: 0,
    standardText: "0", form: .number("number", 0...Int.max))

  // MARK: Augmentation

  static let flip = Setting(
    name: "flip", purpose: "How pictures are mirrored: horizontal, vertical, both or none.",
    standard: FlipChoice.horizontal, standardText: "horizontal",
    form: .choice("way", FlipChoice.init(rawValue:)))

  static let scaleJitter = Setting<Double?>(
    name: "scale-jitter",
    purpose: "By which factor objects are seen larger or smaller at most; 1 for not at all.",
    standard: nil, standardText: "1.25; 1 with other presets",
    form: .optional(.real("factor", 1...2)))

  static let crop = Setting<Double?>(
    name: "crop", purpose: "How likely a picture is cut to a part that keeps objects whole.",
    standard: nil, standardText: "0.3; 0 with other presets",
    form: .optional(.real("share", 0...1)))

  static let brightness = Setting<Double?>(
    name: "brightness", purpose: "By which share pictures become lighter or darker at most.",
    standard: nil, standardText: "0.2; 0 with other presets",
    form: .optional(.real("share", 0...0.9)))

  static let colour = Setting<Double?>(
    name: "colour", purpose: "By which share each colour changes alone at most.", standard: nil,
    standardText: "0.08; 0 with other presets", form: .optional(.real("share", 0...0.9)))

  // MARK: Files

  static let checkpointEvery = Setting(
    name: "checkpoint-every", purpose: "For how long work may be lost.",
    standard: .seconds(120), standardText: "2m",
    form: .longDuration(.seconds(0)...(.seconds(86_400))))

  static let keep = Setting(
    name: "keep", purpose: "How many of the last saved states to keep.", standard: 2,
    standardText: "2", form: .number("count", 1...1000))

  static let validateEvery = Setting(
    name: "validate-every", purpose: "After how many epochs to measure.", standard: 1,
    standardText: "1", form: .number("epochs", 1...10_000))

  static let log = Setting<String?>(
    name: "log", purpose: "A file that gets a line of JSON for each step, measurement and save.",
    standard: nil, standardText: "none", form: .path)

  static let report = Setting<String?>(
    name: "report", purpose: "A page with curves, figures and the worst mistakes, one HTML file.",
    standard: nil, standardText: "none", form: .path)

  static let metricsPort = Setting<Int?>(
    name: "metrics-port", purpose: "A port that answers /metrics for Prometheus.", standard: nil,
    standardText: "none", form: .optional(.number("port", 0...65_535)))

  static let metricsHost = Setting(
    name: "metrics-host", purpose: "The address of that port.", standard: "127.0.0.1",
    standardText: "127.0.0.1", form: .text("address", "an IP address"))

  static let showSamples = Setting<String?>(
    name: "show-samples",
    purpose:
      "A folder into which 24 pictures are drawn as the network sees them, with their boxes.",
    standard: nil, standardText: "none", form: .path)
}

/// How pictures are mirrored.
enum FlipChoice: String, Sendable, CaseIterable {
  case horizontal, vertical, both, none
}

/// What the scales of new anchors are.
enum AnchorChoice: Sendable, Equatable {
  /// Those of the objects.
  case automatic
  /// Those of the architecture.
  case model
  case scales([Double])

  /// Reads the flag's value; `nil` where it is none.
  init?(_ text: String) {
    switch text {
    case "auto": self = .automatic
    case "model": self = .model
    default:
      let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      let scales = parts.compactMap { Double($0) }.filter { $0 > 0 && $0 <= 512 }
      guard scales.count == parts.count, !scales.isEmpty, scales.count <= 16 else { return nil }
      self = .scales(scales)
    }
  }
}

/// How the learning rate falls.
enum ScheduleChoice: Sendable, Equatable {
  case cosine
  case constant
  /// To a tenth after each of some epochs.
  case steps([Double])

  /// Reads the flag's value; `nil` where it is none.
  init?(_ text: String) {
    switch text {
    case "cosine": self = .cosine
    case "constant": self = .constant
    default:
      guard text.hasPrefix("steps:") else { return nil }
      let parts = text.dropFirst("steps:".count)
        .split(separator: ",", omittingEmptySubsequences: false)
      let epochs = parts.compactMap { Double($0) }.filter { $0 > 0 && $0 < 1e6 }
      guard epochs.count == parts.count, epochs == epochs.sorted() else { return nil }
      self = .steps(epochs)
    }
  }
}

extension SettingForm {
  /// The same, where nothing need be said.
  static func optional<Wrapped: Sendable>(_ form: SettingForm<Wrapped>) -> Self
  where Value == Wrapped? {
    Self(valueName: form.valueName, expectation: form.expectation) { text in
      form.parse(text).map(Optional.some)
    }
  }

  /// One of some words.
  static func choice(_ valueName: String, _ parse: @escaping @Sendable (String) -> Value?) -> Self
  where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    Self(
      valueName: valueName,
      expectation: Value.allCases.map(\.rawValue).joined(separator: ", "), parse: parse)
  }
}

extension SettingForm<String?> {
  /// Any text that is not empty.
  static func optionalText(_ valueName: String, _ expectation: String) -> Self {
    Self(valueName: valueName, expectation: expectation) { $0.isEmpty ? .none : .some($0) }
  }
}

extension SettingForm<Double> {
  /// A number within bounds.
  static func real(_ valueName: String, _ range: ClosedRange<Double>) -> Self {
    Self(
      valueName: valueName,
      expectation: "a number from \(range.lowerBound) to \(range.upperBound)"
    ) { text in Double(text).flatMap { range.contains($0) ? $0 : nil } }
  }
}

extension SettingForm<Duration> {
  /// A time that may be long: in seconds, or with a unit (ms, s, m, h).
  static func longDuration(_ range: ClosedRange<Duration>) -> Self {
    let short = duration(.zero...range.upperBound)
    return Self(
      valueName: "time",
      expectation: "a time from \(range.lowerBound) to \(range.upperBound), as 90s, 45m or 2h"
    ) { text in
      let value =
        text.hasSuffix("h")
        ? Double(text.dropLast()).flatMap {
          $0 >= 0 && $0 < 1e6 ? Duration.seconds($0 * 3600) : nil
        }
        : short.parse(text)
      return value.flatMap { range.contains($0) ? $0 : nil }
    }
  }
}
