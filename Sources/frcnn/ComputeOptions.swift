import ArgumentParser
import Compute
import FasterRCNN

/// How the networks are computed; the same for every command that runs them.
struct ComputeOptions: ParsableArguments {
  @Option(help: ComputeSettings.threads.help)
  var threads: String?

  @Option(help: ComputeSettings.precision.help)
  var precision: String?

  @Option(help: ComputeSettings.convolution.help)
  var convolution: String?

  @Option(help: ComputeSettings.planMemory.help)
  var planMemory: String?

  /// What was chosen, read and checked.
  struct Choice: Sendable {
    var threadCount: Int
    var precision: PrecisionChoice
    var plan: PlanOptions
    /// Shared by all detectors that are made of the choice.
    var winogradBudget = WinogradBudget()
  }

  /// Reads the flags and their variables.
  func choice() throws(Failure) -> Choice {
    let threadCount = try ComputeSettings.threads.value(flag: threads)
    return Choice(
      threadCount: threadCount == 0 ? ProcessorCount.available : threadCount,
      precision: try ComputeSettings.precision.value(flag: precision),
      plan: PlanOptions(
        convolution: try ComputeSettings.convolution.value(flag: convolution)),
      winogradBudget: WinogradBudget(
        limit: try ComputeSettings.planMemory.value(flag: planMemory)))
  }
}

/// The choices about computing that flags and environment variables offer.
enum ComputeSettings {
  static let threads = Setting(
    name: "threads",
    purpose: "How many cores to compute on; 0 takes all that the process really has.",
    standard: 0, standardText: "0: affinity and a container's quota are heeded",
    form: .number("count", 0...1024))

  static let precision = Setting(
    name: "precision",
    purpose: "In what the networks multiply: fp32, bf16, int8 (of a model that frcnn calibrate has "
      + "prepared), or auto, the fastest that model and CPU are made for.",
    standard: PrecisionChoice.fixed(.float32), standardText: "fp32",
    form: SettingForm(valueName: "type", expectation: "fp32, bf16, int8 or auto") {
      PrecisionChoice($0)
    })

  static let convolution = Setting(
    name: "convolution",
    purpose: "How 3x3 convolutions are computed: direct, or fastest, which takes Winograd's "
      + "algorithm where it pays, for four times the memory of their weights.",
    standard: PlanOptions.ConvolutionAlgorithm.fastest, standardText: "fastest",
    form: SettingForm(valueName: "way", expectation: "direct or fastest") {
      PlanOptions.ConvolutionAlgorithm(rawValue: $0)
    })

  static let planMemory = Setting(
    name: "plan-memory",
    purpose:
      "How much memory a model's weights may take transformed for Winograd's algorithm; what finds "
      + "no room is computed directly.",
    standard: 512 << 20, standardText: "512MiB: VGG16 needs 261",
    form: .byteCount(0...(1 << 40)))
}
