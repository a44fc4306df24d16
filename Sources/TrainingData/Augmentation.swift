internal import Images
internal import Tensors
internal import Detection
internal import Glibc
public import Training

/// How a picture is changed each time that it is seen, so that a few pictures teach as many would.
///
/// The picture keeps its size: whether it is seen nearer or from further away, the network's plan is the
/// same. All that is drawn follows from one seed.
public struct Augmentation: Sendable, Equatable {
  /// How likely the left becomes the right.
  public var horizontalFlip: Double

  /// How likely the top becomes the bottom, which suits what has no upper side.
  public var verticalFlip: Double

  /// By which factor objects are seen larger or smaller at most, 1 to 2; all factors between are equally
  /// likely on a logarithmic scale.
  public var scaleJitter: Double

  /// How likely the picture is cut to a window with at least `minimumCropShare` of its sides.
  public var crop: Double

  /// The smallest window of a crop, as a share of the picture's sides.
  public var minimumCropShare: Double

  /// By which share the picture becomes darker or lighter at most.
  public var brightness: Double

  /// By which share each of the colours changes alone at most.
  public var colour: Double

  /// Makes a set of changes; by default nothing is changed.
  public init(
    horizontalFlip: Double = 0, verticalFlip: Double = 0, scaleJitter: Double = 1,
    crop: Double = 0, minimumCropShare: Double = 0.6, brightness: Double = 0, colour: Double = 0
  ) {
    precondition((1...2).contains(scaleJitter), "a factor of \(scaleJitter)")
    self.horizontalFlip = horizontalFlip
    self.verticalFlip = verticalFlip
    self.scaleJitter = scaleJitter
    self.crop = crop
    self.minimumCropShare = minimumCropShare
    self.brightness = brightness
    self.colour = colour
  }

  /// Nothing is changed.
  public static let none = Augmentation()

  /// What simple-faster-rcnn, chainercv and torchvision train with: every second picture mirrored.
  public static let mirrored = Augmentation(horizontalFlip: 0.5)

  /// What a few hundred pictures need.
  public static let standard = Augmentation(
    horizontalFlip: 0.5, scaleJitter: 1.25, crop: 0.3, brightness: 0.2, colour: 0.08)

  /// A picture as it is seen in an epoch: the same for the same seed, epoch and index.
  public func seen(
    _ example: TrainingExample, seed: UInt64, epoch: Int, index: Int
  ) -> TrainingExample {
    var generator = SplitMix64(seed: SampleSeed.of(seed, epoch: epoch, index: index))
    return applied(to: example, using: &generator)
  }

  /// Changes a picture by what a generator draws.
  func applied(
    to example: TrainingExample, using generator: inout SplitMix64
  ) -> TrainingExample {
    var view = PictureView(size: example.picture.size)
    // Each number is drawn whether it is used or not: one change leaves the others as they were.
    view.isMirrored = generator.unit() < horizontalFlip
    view.isUpsideDown = generator.unit() < verticalFlip
    let reach = log(scaleJitter)
    let zoom = exp(generator.number(in: -reach...reach))
    let isCropped = generator.unit() < crop
    let share = generator.number(in: minimumCropShare...1)
    // The side of the window, as a share of the picture's: below 1 objects are seen larger.
    let side = (isCropped ? share : 1) / zoom
    var tries = SplitMix64(seed: generator.next())
    view.chooseWindow(side: side, keeping: example.objects.map(\.box), using: &tries)
    let tones = ToneTable(
      brightness: brightness, colour: colour, using: &generator)

    var result = example
    result.picture = view.image(of: example.picture, tones: tones)
    result.objects = example.objects.compactMap { object in
      guard let box = view.box(of: object.box) else { return nil }
      var object = object
      object.box = box
      return object
    }
    return result
  }
}
