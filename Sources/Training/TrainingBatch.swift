internal import Detection
internal import Families
internal import Images
internal import Tensors

/// A batch as the network sees it: resized, normalised and padded pictures with their objects.
struct TrainingBatch: Sendable {
  /// The objects of one picture, in pixels of the resized picture.
  struct Picture: Sendable {
    var name: String
    /// How the resized picture, without padding, relates to the original one.
    var frame: ImageFrame
    var boxes: [BoundingBox]
    /// Classes from 0.
    var classes: [Int]
  }

  var pictures: [Picture]

  /// The padded extents of the input.
  var height: Int
  var width: Int

  /// [N, 3, H, W].
  var values: [Float]
}

extension TrainingBatch {
  /// Resizes and normalises examples.
  ///
  /// - Parameters:
  ///   - examples: the pictures; smaller ones are padded with zeros to the largest, as torchvision does.
  ///   - rule: what the family does to a picture.
  ///   - classCount: the classes without background.
  /// - Throws: `TrainingError` where a picture has no usable shape, or a class does not exist.
  init(
    _ examples: [TrainingExample], rule: PictureRule, classCount: Int
  ) throws(TrainingError) {
    guard !examples.isEmpty else { throw .unusable("a step needs at least one picture") }
    var resizings: [Resizing] = []
    pictures = []
    for example in examples {
      let size = example.picture.size
      let resizing: Resizing
      do throws(ImageError) {
        guard size.height > 0, size.width > 0 else {
          throw .unusableShape(
            width: size.width, height: size.height, resizedWidth: 0, resizedHeight: 0)
        }
        resizing = try rule.resize.resizing(size)
      } catch {
        throw .picture(name: example.name, error)
      }
      resizings.append(resizing)
      var frame = ImageFrame(
        height: resizing.size.height, width: resizing.size.width, originalHeight: size.height,
        originalWidth: size.width)
      let (yScale, xScale) = (frame.yScale, frame.xScale)
      if rule.usesOneScale {
        (frame.yScale, frame.xScale) = (Float(resizing.scale), Float(resizing.scale))
      }
      let objects = example.objects.filter { !$0.isIgnored }
      for object in objects {
        guard (0..<classCount).contains(object.classIndex) else {
          throw .unusable(
            "picture \"\(example.name)\" has an object of class \(object.classIndex), and the model has "
              + "\(classCount)")
        }
      }
      pictures.append(
        Picture(
          name: example.name, frame: frame,
          // Each side by its own ratio, as the families' data sets do it, whatever a proposal's scale is.
          boxes: objects.map {
            BoundingBox(
              yMin: $0.box.yMin * yScale, xMin: $0.box.xMin * xScale, yMax: $0.box.yMax * yScale,
              xMax: $0.box.xMax * xScale)
          }, classes: objects.map(\.classIndex)))
    }
    func padded(_ side: Int) -> Int {
      let multiple = max(rule.paddingMultiple, 1)
      return (side + multiple - 1) / multiple * multiple
    }
    height = padded(resizings.map(\.size.height).max() ?? 1)
    width = padded(resizings.map(\.size.width).max() ?? 1)
    let layout = ChannelLayout(channelCount: 3, height: height, width: width)
    let count = layout.elementCount
    values = unsafe [Float](
      unsafeUninitializedCapacity: count * examples.count
    ) { buffer, initializedCount in
      for (index, (example, resizing)) in zip(examples, resizings).enumerated() {
        // Safety: each picture has its own `count` floats.
        unsafe rule.preprocessing.write(
          example.picture, resizedTo: resizing, layout: layout,
          into: UnsafeMutableBufferPointer(rebasing: buffer[index * count..<(index + 1) * count]))
      }
      initializedCount = count * examples.count
    }
  }
}

/// What is drawn at random in one picture, for tests that are given another program's draw.
struct TrainingSample: Sendable {
  /// For each anchor of all levels what it is trained to say, and the offset to its object.
  var anchors: AnchorAssignment
  /// The RoIs that the head is trained on, with their classes (0 is background) and normalised offsets.
  var boxes: [BoundingBox]
  var labels: [Int]
  var offsets: [BoxOffset]
}
