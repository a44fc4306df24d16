/// The names of classes that every family trains on, for files that do not hold their own.
enum LabelSets {
  /// Pascal VOC, alphabetical.
  static let voc = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
  ]

  /// COCO's 80 things in the order of their ids.
  static let coco = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
  ]

  /// COCO's ids 1 to 90, of which ten were never used: what torchvision's models have.
  static let cocoWithGaps: [String] = {
    let unused: Set = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    var names = coco.makeIterator()
    return (1...90).map { unused.contains($0) ? "N/A \($0)" : names.next() ?? "N/A \($0)" }
  }()
}
