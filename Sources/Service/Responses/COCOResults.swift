internal import Detection
internal import FasterRCNN
internal import JSON
internal import Observability

/// Writes COCO's result rows, which `pycocotools` loads with `loadRes`.
///
/// Source: cocodataset.org, "Results Format", object detection: `bbox` is left and upper edge, width
/// and height in pixels, whatever `box_format` says; `category_id` counts from 1.
enum COCOResults {
  /// The rows of some pictures, whose numbers count up from the first one's.
  static func json(
    _ findings: [Finding], firstID: Int
  ) throws(DetectionDocument.NonFiniteResult) -> [UInt8] {
    var json = JSONWriter(reservingCapacity: 4096)
    json.beginArray()
    for (index, finding) in findings.enumerated() {
      for object in finding.result.objects {
        let box = object.box
        json.beginObject()
        json.member("image_id", firstID + index)
        json.member("category_id", object.classID + 1)
        json.key("bbox")
        json.beginArray()
        for number in [box.xMin, box.yMin, box.xMax - box.xMin, box.yMax - box.yMin] {
          json.number(number)
        }
        json.endArray()
        json.member("score", object.score)
        json.endObject()
      }
    }
    json.endArray()
    guard !json.hasNonFiniteNumber else { throw DetectionDocument.NonFiniteResult() }
    return json.bytes
  }
}
