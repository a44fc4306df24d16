import Detection
import Tensors
import Testing

@testable import Datasets

@Suite struct COCODatasetTests {
  private let document = #"""
    {"info": {"year": 2026}, "images": [
      {"id": 7, "file_name": "b.jpg", "width": 640, "height": 480, "license": null},
      {"id": "9", "file_name": "c.jpg"}],
     "annotations": [
      {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30.5, 40], "area": 700.5, "iscrowd": 0,
       "segmentation": [[1, 2, 3, 4, 5, 6]]},
      {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 6], "iscrowd": 1},
      {"id": 3, "image_id": 9, "category_id": 1, "bbox": [0, 0, 0, 6]},
      {"id": 4, "image_id": 8, "category_id": 1, "bbox": [0, 0, 1, 6]}],
     "categories": [{"id": 3, "name": "cat", "supercategory": "pet"}, {"id": 1, "name": "dog"}]}
    """#

  @Test(arguments: [
    ("annotations/instances_val2017.json", "val2017/", "val2017"),
    ("valid/_annotations.coco.json", "valid/", "valid"), ("annotations.json", "images/", "all"),
  ])
  func layoutsAreFound(_ file: String, _ folder: String, _ split: String) throws {
    let dataset = try Dataset.read(
      [file: document, "\(folder)b.jpg": "", "\(folder)c.jpg": ""])
    #expect(dataset.layout == .coco)
    #expect(dataset.split == split)
    #expect(dataset.pictures.map(\.path) == ["\(folder)b.jpg", "\(folder)c.jpg"])
    #expect(dataset.labels == ["dog", "cat"])
    let first = dataset.pictures[0]
    #expect(first.statedSize == PictureSize(height: 480, width: 640))
    #expect(first.marks.map(\.label) == ["cat", "dog"])
    #expect(first.marks[0].box == BoundingBox(yMin: 20, xMin: 10, yMax: 60, xMax: 40.5))
    #expect(first.marks[0].area == 700.5)
    #expect(first.marks.map(\.isCrowd) == [false, true])
    #expect(dataset.remarks.map(\.kind) == [.emptyBox, .leftOut])
  }

  @Test func aMissingPictureIsToldBeforeTheWork() {
    #expect {
      try Dataset.read(["annotations.json": document, "images/b.jpg": ""])
    } throws: { ($0 as? DatasetError)?.isMissingInput == true }
  }

  @Test(arguments: [
    "[]", "{\"images\": []", "{\"images\": [], \"annotations\": []}",
    "{\"images\": [{\"id\": 1, \"file_name\": \"../../x.jpg\"}]}",
    "{\"images\": [], \"annotations\": [{\"bbox\": [1, 2, 3]}], \"categories\": []}",
  ])
  func brokenDocumentsAreRefused(_ text: String) {
    #expect(throws: DatasetError.self) {
      try Dataset.read(["annotations.json": text, "images/b.jpg": ""])
    }
  }
}

@Suite struct UsualSplitTests {
  @Test func aPartIsFoundByItsUsualName() {
    let names = Dataset.Options.trainingSplits
    #expect(Dataset.split(named: names, in: ["test", "train", "trainval"]) == "train")
    #expect(Dataset.split(named: names, in: ["train2017", "val2017"]) == "train2017")
    #expect(Dataset.split(named: names, in: ["trainval", "test"]) == "trainval")
    // Two years, or a word behind the name: nobody can know which is meant.
    #expect(Dataset.split(named: names, in: ["train2014", "train2017"]) == nil)
    #expect(Dataset.split(named: names, in: ["train-old", "other"]) == nil)
  }
}
