internal import Detection
public import FasterRCNN
public import Files
internal import Images
internal import JSON
internal import Service
internal import Tensors

/// Writes what was found in a picture, or why nothing was, as the rows of a format.
///
/// A row tells nothing of times, so that two runs over one input write the same bytes. It begins with the picture's
/// number and name: by these a run that was ended is gone on with.
public struct RowWriter: Sendable {
  let format: ResultFormat
  let model: ModelDescription
  private var parameters: RequestParameters

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - format: what rows look like.
  ///   - model: the model that answers.
  ///   - parameters: what it was asked.
  public init(_ format: ResultFormat, model: ModelDescription, parameters: DetectionParameters) {
    self.format = format
    self.model = model
    self.parameters = RequestParameters()
    self.parameters.detection = parameters
    self.parameters.sections = [.image, .detections]
  }

  /// What stands before all rows.
  var head: [UInt8] {
    guard format == .csv else { return [] }
    return Array(
      "index,file,width,height,label,class_id,score,x_min,y_min,x_max,y_max,error\n".utf8)
  }

  /// What every row of a picture begins with, and no row of another one.
  func beginning(of entry: PictureEntry) -> [UInt8] {
    switch format {
    case .csv: return Array("\(entry.index),".utf8) + Self.quoted(entry.name?.bytes ?? []) + comma
    case .jsonLines: return jsonBeginning(of: entry, index: ("index", entry.index), name: "file")
    case .coco: return jsonBeginning(of: entry, index: ("id", entry.index + 1), name: "file_name")
    }
  }

  /// The rows of a picture that was worked on.
  ///
  /// - Throws: `BatchError` where the model computed what is no number.
  func rows(
    of entry: PictureEntry, picture: DecodedImage, result: DetectionResult
  ) throws(BatchError) -> [UInt8] {
    let beginning = beginning(of: entry)
    switch format {
    case .jsonLines:
      let document = DetectionDocument(
        model: model, picture: picture, parameters: parameters, result: result)
      do throws(DetectionDocument.NonFiniteResult) {
        return try Self.joined(beginning, document.json()) + lineFeed
      } catch {
        throw BatchError(.internalError, "\(error)")
      }
    case .csv: return csvRows(beginning, result)
    case .coco: return try cocoRow(beginning, entry, result)
    }
  }

  /// The row of a picture that could not be worked on.
  func row(of entry: PictureEntry, failure: BatchError) -> [UInt8] {
    let beginning = beginning(of: entry)
    switch format {
    case .csv:
      return beginning + ",,,,,,,,,".utf8 + Self.quoted(Array(failure.description.utf8)) + lineFeed
    case .jsonLines: return Self.joined(beginning, Self.document(of: failure)) + lineFeed
    case .coco: return Self.joined(beginning, Self.document(of: failure)) + tab + lineFeed
    }
  }

  /// What is told instead of an answer: an object whose only member is `error`.
  ///
  /// `status` is what the program would end with for this picture alone.
  public static func document(of failure: BatchError) -> [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.object("error") {
        $0.member("status", failure.kind.rawValue)
        $0.member("detail", failure.description)
      }
    }
    return json.bytes
  }

  /// The members of two objects in one; the first is not ended yet.
  public static func joined(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
    first + [UInt8(ascii: ",")] + second.dropFirst()
  }

  /// The beginning of an object that names a file.
  ///
  /// JSON is UTF-8: where the name is not, its own bytes stand beside what can be read of it.
  public static func beginning(naming name: FileName, as key: String = "file") -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    write(name, as: key, to: &json)
    return json.bytes
  }

  // MARK: Forms

  private var comma: [UInt8] { [UInt8(ascii: ",")] }
  private var tab: [UInt8] { [UInt8(ascii: "\t")] }
  private var lineFeed: [UInt8] { [UInt8(ascii: "\n")] }

  private func jsonBeginning(
    of entry: PictureEntry, index: (key: String, value: Int), name key: String
  ) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member(index.key, index.value)
    if let name = entry.name { Self.write(name, as: key, to: &json) }
    return json.bytes
  }

  private static func write(_ name: FileName, as key: String, to json: inout JSONWriter) {
    json.member(key, name.description)
    if name.text == nil {
      let digits = name.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      json.member(key + "_hex", digits.joined())
    }
  }

  private func csvRows(_ beginning: [UInt8], _ result: DetectionResult) -> [UInt8] {
    let size = "\(result.imageSize.width),\(result.imageSize.height),"
    guard !result.objects.isEmpty else { return beginning + "\(size),,,,,,,\n".utf8 }
    var rows: [UInt8] = []
    for object in result.objects {
      let box = object.box
      rows += beginning + size.utf8 + Self.quoted(Array(label(of: object).utf8))
      rows +=
        ",\(object.classID),\(object.score),\(box.xMin),\(box.yMin),\(box.xMax),\(box.yMax),\n".utf8
    }
    return rows
  }

  /// The picture's object of `images`, a tab, and its objects of `annotations` with commas between.
  private func cocoRow(
    _ beginning: [UInt8], _ entry: PictureEntry, _ result: DetectionResult
  ) throws(BatchError) -> [UInt8] {
    let size = result.imageSize
    var row = beginning + ",\"width\":\(size.width),\"height\":\(size.height)}\t".utf8
    for (number, object) in result.objects.enumerated() {
      let box = object.box
      let (width, height) = (box.xMax - box.xMin, box.yMax - box.yMin)
      var json = JSONWriter()
      json.object {
        // Unlike any other annotation's, whatever part of the input this is.
        $0.member("id", (entry.index + 1) * 1_000_000 + number + 1)
        $0.member("image_id", entry.index + 1)
        $0.member("category_id", object.classID + 1)
        $0.key("bbox")
        $0.beginArray()
        for number in [box.xMin, box.yMin, width, height] { $0.number(number) }
        $0.endArray()
        $0.member("area", width * height)
        $0.member("iscrowd", 0)
        $0.member("score", object.score)
      }
      guard !json.hasNonFiniteNumber else {
        throw BatchError(.internalError, "the model computed what is no finite number")
      }
      row += (number > 0 ? comma : []) + json.bytes
    }
    return row + lineFeed
  }

  private func label(of object: DetectedObject) -> String {
    model.labels.indices.contains(object.classID)
      ? model.labels[object.classID] : "\(object.classID)"
  }

  /// A field of CSV after RFC 4180, in quotation marks where it needs them.
  static func quoted(_ field: [UInt8]) -> [UInt8] {
    let mark = UInt8(ascii: "\"")
    guard field.contains(where: { [mark, 0x2C, 0x0A, 0x0D].contains($0) }) else { return field }
    return [mark] + field.flatMap { $0 == mark ? [mark, mark] : [$0] } + [mark]
  }
}
