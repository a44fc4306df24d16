/// The instructions of a pickle that are read, by their codes (CPython's Lib/pickletools.py).
enum PickleOperation: UInt8 {
  // Protocol 1 and before.
  case mark = 0x28
  case emptyTuple = 0x29
  case stop = 0x2E
  case pop = 0x30
  case popMark = 0x31
  case duplicate = 0x32
  case binFloat = 0x47
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case none = 0x4E
  case persistent = 0x51
  case reduce = 0x52
  case binString = 0x54
  case shortBinString = 0x55
  case binUnicode = 0x58
  case emptyList = 0x5D
  case append = 0x61
  case build = 0x62
  case global = 0x63
  case dictionary = 0x64
  case appends = 0x65
  case get = 0x68
  case longGet = 0x6A
  case list = 0x6C
  case put = 0x71
  case longPut = 0x72
  case setItem = 0x73
  case tuple = 0x74
  case setItems = 0x75
  case emptyDictionary = 0x7D

  // Protocol 2.
  case proto = 0x80
  case newObject = 0x81
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
  case long4 = 0x8B

  // Protocol 3.
  case binBytes = 0x42
  case shortBinBytes = 0x43

  // Protocols 4 and 5.
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes8 = 0x8E
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjectWithKeywords = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  case byteArray8 = 0x96
}
