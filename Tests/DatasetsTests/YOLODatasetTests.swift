import Detection
import Tensors
import Testing

@testable import Datasets

@Suite struct YOLODatasetTests {
  private func files(_ yaml: String) -> [String: String] {
    [
      "data.yaml": yaml, "images/train/a.jpg": "", "images/val/b.png": "", "images/val/c.jpg": "",
      "labels/train/a.txt": "0 0.5 0.5 0.5 0.25\n",
      "labels/val/b.txt":
        "1 0.5 0.5 0.5 0.25\n\n0 0.1 0.1 0.3 0.1 0.2 0.4\n",
    ]
  }

  @Test(arguments: [
    "path: ../set\ntrain: images/train # the first\nval: images/val\ntest: images/test\nnc: 2\nnames: ['red cell', white]\n",
    "train: ../images/train\nval: ../images/val\nnames:\n  0: red cell\n  1: white\n",
    "val: /home/x/set/images/val\ntrain:\n  - images/train\nnames:\n- \"red cell\"\n- white\n",
    "val: images/val\nnames: [\n  'red cell',\n  white\n]\n",
  ])
  func configurationsAreRead(_ yaml: String) throws {
    let dataset = try Dataset.read(files(yaml))
    #expect(dataset.layout == .yolo)
    #expect(dataset.labels == ["red cell", "white"])
    #expect(dataset.split == "val")
    #expect(dataset.pictures.map(\.path) == ["images/val/b.png", "images/val/c.jpg"])
    #expect(dataset.pictures.map(\.marks.count) == [2, 0])
    let objects = dataset.pictures[0].objects(in: PictureSize(height: 200, width: 400))
    #expect(objects.map(\.label) == ["white", "red cell"])
    #expect(objects[0].box == BoundingBox(yMin: 75, xMin: 100, yMax: 125, xMax: 300))
    // An outline counts by the box around it.
    #expect(abs(objects[1].box.xMin - 40) < 1e-3 && abs(objects[1].box.xMax - 120) < 1e-3)
    #expect(abs(objects[1].box.yMin - 20) < 1e-3 && abs(objects[1].box.yMax - 80) < 1e-3)
  }

  @Test func listsOfPicturesAreRead() throws {
    var files = files("val: val.txt\nnames: [a, b]\n")
    files["val.txt"] = "./images/val/c.jpg\n/elsewhere/set/images/val/b.png\n"
    let dataset = try Dataset.read(files)
    #expect(dataset.pictures.map(\.path) == ["images/val/c.jpg", "images/val/b.png"])
  }

  @Test(arguments: [
    "2 0.5 0.5 0.5 0.5", "0 0.5 0.5 0.5", "0 0.5 0.5 0.5 1.5", "0 nan 0.5 0.5 0.5", "cat 0 0 1 1",
    "0.5 0.5 0.5 0.5 0.5",
  ])
  func brokenLabelsAreToldWithTheirLine(_ line: String) {
    var files = files("val: images/val\nnames: [a, b]\n")
    files["labels/val/b.txt"] = "0 0.5 0.5 0.5 0.5\n" + line
    #expect {
      try Dataset.read(files)
    } throws: { ($0 as? DatasetError)?.line == 2 }
  }
}
