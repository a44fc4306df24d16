import Detection

// Non-maximum suppression by hand, without a network: the product `Detection` needs no oneDNN.
let boxes = [
  BoundingBox(yMin: 0, xMin: 0, yMax: 10, xMax: 10),
  BoundingBox(yMin: 1, xMin: 1, yMax: 10, xMax: 10),
  BoundingBox(yMin: 20, xMin: 20, yMax: 30, xMax: 30),
]
let kept = NonMaximumSuppression(iouThreshold: 0.5).keep(boxes, scores: [0.8, 0.9, 0.7])
print("kept \(kept), IoU of the first two \(IntersectionOverUnion.of(boxes[0], boxes[1]))")
