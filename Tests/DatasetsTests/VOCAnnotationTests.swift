import Datasets
import Detection
import Tensors
import Testing

@Suite struct VOCAnnotationTests {
  private func read(
    _ xml: String, origin: VOCAnnotation.Origin = .zero
  ) throws(DatasetError) -> VOCAnnotation {
    try VOCAnnotation(xml: Array(xml.utf8), path: "a.xml", origin: origin)
  }

  private func object(
    _ label: String = "cat", box: String = "1 2 11 22", difficult: String = "0"
  ) -> String {
    let edges = box.split(separator: " ")
    return """
      <object><name>\(label)</name><difficult>\(difficult)</difficult><bndbox>
      <xmin>\(edges[0])</xmin><ymin>\(edges[1])</ymin>
      <xmax>\(edges[2])</xmax><ymax>\(edges[3])</ymax></bndbox></object>
      """
  }

  @Test func readsObjectsInOrder() throws {
    let annotation = try read(
      """
      <?xml version="1.0"?>
      <!-- by hand -->
      <annotation verified='yes'>
        <filename>x.jpg</filename><size><width>640</width></size>
        \(object("cat", box: "1 2 11 22"))
        \(object(" white cell ", box: "0.5 0 9 8.25", difficult: "1"))
      </annotation>
      """)
    #expect(
      annotation.objects == [
        .init(label: "cat", box: BoundingBox(yMin: 2, xMin: 1, yMax: 22, xMax: 11)),
        .init(
          label: "white cell", box: BoundingBox(yMin: 0, xMin: 0.5, yMax: 8.25, xMax: 9),
          isDifficult: true),
      ])
    #expect(annotation.remarks.isEmpty)
  }

  @Test func lowersCoordinatesThatCountFromOne() throws {
    let annotation = try read("<annotation>\(object())</annotation>", origin: .one)
    #expect(
      annotation.objects.map(\.box) == [BoundingBox(yMin: 1, xMin: 0, yMax: 21, xMax: 10)])
  }

  @Test func boxesThatCoverNothingAreLeftOutWithAWord() throws {
    let annotation = try read(
      "<annotation>\n\(object(box: "5 5 5 9"))\n\(object())</annotation>")
    #expect(annotation.objects.count == 1)
    #expect(annotation.remarks.map(\.kind) == [.emptyBox])
    #expect(annotation.remarks.map(\.line) == [4])
    #expect(annotation.remarks[0].description.hasPrefix("a.xml:4: "))
  }

  @Test func aBoxOfOnePixelCountsWhereTheLastPixelDoes() throws {
    let xml = Array("<annotation>\(object(box: "5 5 5 9"))</annotation>".utf8)
    let annotation = try VOCAnnotation(xml: xml, path: "a.xml", countsLastPixel: true)
    #expect(annotation.objects.map(\.box) == [BoundingBox(yMin: 5, xMin: 5, yMax: 9, xMax: 5)])
    #expect(annotation.remarks.isEmpty)
  }

  @Test func boxesInsideOutAreTurnedWithAWord() throws {
    let annotation = try read("<annotation>\(object(box: "8 9 5 5"))</annotation>")
    #expect(annotation.objects.map(\.box) == [BoundingBox(yMin: 5, xMin: 5, yMax: 9, xMax: 8)])
    #expect(annotation.remarks.map(\.kind) == [.reversedBox])
  }

  @Test(arguments: [
    ("", false), ("Unspecified", false), ("false", false), ("0.0", false), ("true", true),
    ("1.0", true), ("2", true),
  ])
  func theFlagForDifficultIsReadAsToolsWriteIt(_ text: String, _ isDifficult: Bool) throws {
    let annotation = try read("<annotation>\(object(difficult: text))</annotation>")
    #expect(annotation.objects.map(\.isDifficult) == [isDifficult])
  }

  @Test func anEmptyElementIsNoFlag() throws {
    let xml = object().replacing("<difficult>0</difficult>", with: "<difficult/>")
    #expect(try read("<annotation>\(xml)</annotation>").objects.map(\.isDifficult) == [false])
  }

  @Test func whatTheFileSaysOfItsPictureIsRead() throws {
    let annotation = try read(
      "<annotation><filename>x.png</filename><size><width>640</width><height>480</height></size>"
        + "</annotation>")
    #expect(annotation.statedSize == PictureSize(height: 480, width: 640))
    #expect(annotation.fileName == "x.png")
  }

  @Test(arguments: [true, false])
  func utf16IsRead(_ isBigEndian: Bool) throws {
    let text = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-16\"?><annotation>\(object("Zelle ä"))"
    let bytes = (text + "</annotation>").utf16.flatMap { unit -> [UInt8] in
      let pair = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
      return isBigEndian ? pair : pair.reversed()
    }
    #expect(try VOCAnnotation(xml: bytes, path: "a.xml").objects.map(\.label) == ["Zelle ä"])
  }

  @Test func latin1IsReadWhereItIsDeclared() throws {
    let text = "<?xml version='1.0' encoding='ISO-8859-1'?><annotation>\(object("?"))</annotation>"
    let bytes = text.utf8.flatMap { $0 == UInt8(ascii: "?") ? [UInt8(0xE4)] : [$0] }
    // The question marks of the declaration are not letters.
    let whole = Array("<?xml version='1.0' encoding='ISO-8859-1'?>".utf8) + bytes.dropFirst(43)
    #expect(try VOCAnnotation(xml: whole, path: "a.xml").objects.map(\.label) == ["ä"])
  }

  @Test func anEncodingThatIsNotReadIsNamed() {
    let bytes = Array("<?xml version='1.0' encoding='GBK'?><annotation>".utf8) + [0xB0, 0xA1]
    #expect {
      try VOCAnnotation(xml: bytes, path: "a.xml")
    } throws: { "\($0)".contains("gbk") && "\($0)".contains("UTF-8") }
  }

  @Test func aDocumentTypeIsSteppedOver() throws {
    let text =
      "<!DOCTYPE annotation SYSTEM \"file:///etc/passwd\"><annotation>\(object())</annotation>"
    #expect(try read(text).objects.count == 1)
  }

  @Test func partsOfAnObjectAreNotTheObject() throws {
    let part = """
      <part><name>head</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>1</xmax><ymax>1</ymax>\
      </bndbox></part>
      """
    let person = object("person").replacing("</object>", with: part + "</object>")
    let annotation = try read("<annotation>\(person)</annotation>")
    #expect(annotation.objects.map(\.label) == ["person"])
    #expect(annotation.objects.map(\.box.width) == [10])
  }

  @Test func resolvesReferencesAndCDATA() throws {
    let annotation = try read(
      "<annotation>\(object("a &amp; b &#60;&#x3E; <![CDATA[<c> &amp;]]>"))</annotation>")
    #expect(annotation.objects.map(\.label) == ["a & b <> <c> &amp;"])
  }

  @Test(arguments: [
    ("", 1, "no element"),
    ("\n\nhello", 3, "text before the first element"),
    ("<annotation>\n<object>\n</annotation>", 3, "'</annotation>' where '</object>' was due"),
    ("<annotation>\n<object>", 2, "it ends inside '<object>'"),
    ("<annotation/><annotation/>", 1, "a second root element"),
    ("<annotation>&bomb;</annotation>", 1, "unknown reference '&bomb;'"),
    ("<annotation>a & b</annotation>", 1, "'&' starts no reference; write '&amp;'"),
    ("<annotation><!-- \n", 1, "the comment that starts here has no '-->'"),
    ("<annotation a=1/>", 1, "an attribute of '<annotation' has no quotes"),
    ("<annotation a", 1, "an attribute of '<annotation' has no '='"),
    ("<", 1, "a name was expected"),
    (
      "<!DOCTYPE annotation [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><annotation>&a;</annotation>",
      1, "a document type that declares something, which is not accepted here"
    ),
  ])
  func brokenXMLIsRefusedWithItsLine(xml: String, line: Int, detail: String) {
    #expect(throws: DatasetError(.malformedXML(detail), path: "a.xml", line: line)) {
      try read(xml)
    }
  }

  @Test(arguments: [
    ("<html/>", "the root element is '<html>', not '<annotation>'"),
    ("<annotation><object/></annotation>", "an object has no '<name>'"),
    (
      "<annotation><object><name>a</name></object></annotation>",
      "an object's '<bndbox>' has no '<ymin>'"
    ),
    ("<annotation><object><name> </name></object></annotation>", "an object's '<name>' is empty"),
  ])
  func incompleteAnnotationsAreRefused(xml: String, detail: String) {
    #expect(throws: DatasetError(.invalidAnnotation(detail), path: "a.xml", line: 1)) {
      try read(xml)
    }
  }

  @Test(arguments: ["nan", "inf", "1e30", "", "12px", "-1e9"])
  func coordinatesThatAreNoPlaceAreRefused(value: String) {
    let xml = "<annotation>\(object().replacing("<xmin>1<", with: "<xmin>\(value)<"))</annotation>"
    let detail = "'<xmin>' is '\(value)', which is no place in a picture"
    #expect(throws: DatasetError(.invalidAnnotation(detail), path: "a.xml", line: 2)) {
      try read(xml)
    }
  }

  @Test func aFlagThatIsNoneIsRefused() {
    #expect(throws: DatasetError.self) {
      try read("<annotation>\(object(difficult: "maybe"))</annotation>")
    }
  }

  @Test func deepNestingIsRefused() {
    let xml = "<annotation>" + String(repeating: "<a>", count: 100_000)
    #expect(
      throws: DatasetError(
        .malformedXML("more than 64 elements inside one another"), path: "a.xml", line: 1)
    ) { try read(xml) }
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    #expect(throws: DatasetError.self) {
      try VOCAnnotation(xml: Array("<annotation>".utf8) + [0xC3, 0x28], path: "a.xml")
    }
  }

  /// Every prefix ends in an error, never in a trap or in half an annotation.
  @Test func everyTruncationIsAnError() {
    let xml = Array("\u{FEFF}<annotation a=\"1\"><!-- c -->\(object("x&lt;"))</annotation>".utf8)
    for count in 0..<xml.count {
      #expect(throws: DatasetError.self) {
        try VOCAnnotation(xml: Array(xml.prefix(count)), path: "a.xml")
      }
    }
    #expect(throws: Never.self) { try VOCAnnotation(xml: xml, path: "a.xml") }
  }
}
