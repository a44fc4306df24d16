import Testing

@testable import Families

struct NameMapTests {
  let map = NameMap([
    ("body.layer#.#.bn#", "backbone.layer#.#.conv#.norm"),
    ("body.layer#.#", "backbone.layer#.#"),
    ("fpn.inner.#.0", "neck.lateral.#"), ("fpn.inner.#", "neck.lateral.#"),
    ("fc6/W", "head.fc.0.weight"),
  ])

  @Test(arguments: [
    ("body.layer3.12.bn2.running_mean", "backbone.layer3.12.conv2.norm.running_mean"),
    ("body.layer3.12.conv2.weight", "backbone.layer3.12.conv2.weight"),
    ("fpn.inner.1.0.weight", "neck.lateral.1.weight"), ("fc6/W", "head.fc.0.weight"),
  ])
  func rowsAreReadBothWays(original: String, canonical: String) {
    #expect(map.canonical(original) == canonical)
    #expect(map.original(canonical) == original)
  }

  @Test func ofTwoSpellingsTheFirstIsWritten() {
    #expect(map.canonical("fpn.inner.1.bias") == "neck.lateral.1.bias")
    #expect(map.original("neck.lateral.1.bias") == "fpn.inner.1.0.bias")
  }

  @Test(arguments: [
    "", ".", "body", "body.layer", "body.layer.1.conv1", "body.layerx.0.conv1", "fc6/Wx", "xfc6/W",
    "fpn.inner.one", "fpn.inner.1x.weight", "body.layer٣.0.conv1",
  ])
  func otherNamesHaveNone(name: String) { #expect(map.canonical(name) == nil) }

  // torchvision's indices of VGG16's convolutions; chainercv's layers in the same order.
  @Test func everyChainerLayerHasItsPlace() {
    let names = Family.chainerCV.names
    let indices = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    let layers = [
      "1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3",
    ]
    let pairs =
      zip(indices, layers).map { ("extractor.\($0)", "extractor/conv\($1)/conv") } + [
        ("rpn.conv1", "rpn/conv1"), ("rpn.score", "rpn/score"), ("rpn.loc", "rpn/loc"),
        ("head.classifier.0", "head/fc6"), ("head.classifier.2", "head/fc7"),
        ("head.cls_loc", "head/cls_loc"), ("head.score", "head/score"),
      ]
    for (torch, chainer) in pairs {
      #expect(names.canonical(chainer + "/W") == names.canonical(torch + ".weight"))
      #expect(names.canonical(chainer + "/b") == names.canonical(torch + ".bias"))
      #expect(names.canonical(chainer + "/W") != nil)
    }
  }

  @Test(arguments: [
    "extractor/conv1_3/conv/W", "extractor/conv6_1/conv/W", "extractor/conv0_1/conv/W",
    "extractor/conv1_0/conv/W", "extractor/conv1/conv/W", "extractor/fc1_1/conv/W", "head/fc8/W",
    "rpn/conv2/W", "rpn/W", "W", "", "/", "rpn/loc/x", "a/b/c/d/W",
  ])
  func otherChainerNamesHaveNone(name: String) {
    #expect(Family.chainerCV.names.canonical(name) == nil)
  }
}
