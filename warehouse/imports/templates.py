"""The templates there are. A column's other names are what Chinese exports and older systems call it."""

from warehouse.imports.template import Column, Kind, Template

_TRACKING = {
    "none": "none",
    "lot": "lot",
    "serial": "serial",
    "无": "none",
    "批次": "lot",
    "批号": "lot",
    "序列号": "serial",
}
_STATUS = {
    **{status: status for status in ("available", "inspection", "blocked")},
    "可用": "available",
    "良品": "available",
    "待检": "inspection",
    "冻结": "blocked",
    "不良品": "blocked",
}
_KINDS = {kind: kind for kind in ("internal", "transit", "outside", "supplier", "customer", "production", "scrap")}
_LEVELS = {
    **{level: level for level in ("site", "warehouse", "zone", "bin")},
    "园区": "site",
    "仓库": "warehouse",
    "库区": "zone",
    "库位": "bin",
    "货位": "bin",
}
_UNIT_KINDS = {
    **{kind: kind for kind in ("pallet", "carton", "tote", "other")},
    "托盘": "pallet",
    "纸箱": "carton",
    "周转箱": "tote",
}

_ITEM = Column("item", Kind.CODE, "The item's code or GTIN-14.", "A-100", True, ("item_code", "物料编码", "物料号"))
_LOT = Column("lot", Kind.CODE, "The lot's code.", "L-2026-014", False, ("lot_code", "batch", "批次", "批号"))
_SERIAL = Column("serial", Kind.CODE, "The serial number.", "SN-0001", False, ("serial_number", "序列号"))
_EXPIRES = Column(
    "expires_on", Kind.DATE, "The last day it may be used.", "2027-06-30", False, ("expiry_date", "有效期", "失效日期")
)
_SUPPLIER_LOT = Column("supplier_lot", Kind.CODE, "The supplier's own lot.", "S-77", False, ("供应商批号",))
_VALUATIONS = {
    **{way: way for way in ("none", "average", "standard", "fifo", "lifo")},
    "移动平均": "average",
    "标准成本": "standard",
    "先进先出": "fifo",
}
_PARTNERS = {
    **{kind: kind for kind in ("supplier", "customer", "both", "owner")},
    "供应商": "supplier",
    "客户": "customer",
    "货主": "owner",
}
_LIMITS = (
    Column("expiry_warn_days", Kind.WHOLE, "Days before expiry that people are told.", "60", False, ("预警天数",)),
    Column(
        "dead_after_days", Kind.WHOLE, "Days without an issue that make it dead stock.", "180", False, ("呆滞天数",)
    ),
)

ITEMS = Template(
    "items",
    "Items: what stock is of.",
    (
        Column(
            "code", Kind.CODE, "Its code, which everything names it by.", "A-100", True, ("item", "物料编码", "物料号")
        ),
        Column("name", Kind.TEXT, "What people call it.", "Bearing 6204", False, ("名称", "物料名称")),
        Column("gtin", Kind.CODE, "GTIN-14 with its check digit.", "09506000134352", False, ("ean", "条码")),
        Column("tracking", Kind.CHOICE, "How its stock is told apart.", "lot", False, ("管理方式",), _TRACKING),
        Column("unit", Kind.UNIT, "The unit it is kept in; pc when empty.", "pc", False, ("uom", "单位")),
        Column("decimals", Kind.WHOLE, "Decimals a quantity may have; 0 when empty.", "0", False, ("小数位",)),
        Column("category", Kind.CODE, "Its category.", "bearings", False, ("类别", "分类")),
        Column("inspect", Kind.FLAG, "Whether receipts are inspected.", "no", False, ("质检", "是否质检")),
        Column("weight_kg", Kind.QUANTITY, "Weight of one unit.", "0.106", False, ("重量",)),
        Column("volume_m3", Kind.QUANTITY, "Volume of one unit.", "0.00002", False, ("体积",)),
        Column("valuation", Kind.CHOICE, "How it is valued; none when empty.", "", False, ("计价方式",), _VALUATIONS),
        Column(
            "standard_cost",
            Kind.QUANTITY,
            "Cost of one unit, for valuation at standard cost.",
            "",
            False,
            ("标准成本",),
        ),
        *_LIMITS,
    ),
    ("code",),
)
UNITS = Template(
    "units",
    "Units of items beside their own: a pallet of 48 is 48 / 1.",
    (
        _ITEM,
        Column("unit", Kind.UNIT, "The unit's name.", "pallet", True, ("uom", "单位")),
        Column("factor_num", Kind.WHOLE, "How many of the item's own unit it is.", "48", True, ("factor", "换算率")),
        Column("factor_den", Kind.WHOLE, "Divided by this; 1 when empty.", "1"),
    ),
    ("item", "unit"),
)
CATEGORIES = Template(
    "categories",
    "Categories of items, with what their items have in common.",
    (
        Column("code", Kind.CODE, "Its code.", "bearings", True, ("category", "类别", "分类")),
        Column("name", Kind.TEXT, "What people call it.", "Bearings", False, ("名称",)),
        *_LIMITS,
    ),
    ("code",),
)
PARTNERS = Template(
    "partners",
    "Suppliers, customers, and owners of goods in our store.",
    (
        Column("code", Kind.CODE, "Its code.", "S-100", True, ("partner", "往来单位编码")),
        Column("name", Kind.TEXT, "Its name.", "Supplier Ltd", False, ("名称",)),
        Column("kind", Kind.CHOICE, "supplier when empty.", "supplier", False, ("类型",), _PARTNERS),
        Column("usable_days_min", Kind.WHOLE, "Days of shelf life this customer insists on.", "30"),
    ),
    ("code",),
)
LOCATIONS = Template(
    "locations",
    "Locations: where stock can be. A parent may come after its children.",
    (
        Column("code", Kind.CODE, "Its code.", "RACK-1-03", True, ("location", "库位编码", "库位")),
        Column("name", Kind.TEXT, "What people call it.", "Rack 1, bin 3", False, ("名称",)),
        Column("kind", Kind.CHOICE, "internal when empty.", "internal", False, ("类型",), _KINDS),
        Column("level", Kind.CHOICE, "site, warehouse, zone or bin; bin when empty.", "bin", False, ("层级",), _LEVELS),
        Column("parent", Kind.CODE, "The place it is in.", "RACK-1", False, ("上级", "所属库区")),
    ),
    ("code",),
)
LOTS = Template(
    "lots",
    "Lots of items.",
    (
        _ITEM,
        Column("code", Kind.CODE, "The lot's code.", "L-2026-014", True, ("lot", "批次", "批号")),
        _EXPIRES,
        _SUPPLIER_LOT,
    ),
    ("item", "code"),
)
TAGS = Template(
    "tags",
    "RFID tags: what an EPC stands for.",
    (
        Column("epc", Kind.CODE, "The EPC, hexadecimal.", "3034257BF7194E4000001A85", True, ("标签", "EPC编码")),
        _ITEM,
        _LOT,
        _SERIAL,
        Column("quantity", Kind.QUANTITY, "How much it stands for; 1 when empty.", "1", False, ("数量",)),
    ),
    ("epc",),
)
HANDLING_UNITS = Template(
    "handling-units",
    "Pallets, cartons and totes.",
    (
        Column("code", Kind.CODE, "SSCC, GRAI or GIAI.", "106141412345678908", True, ("sscc", "托盘号", "容器编码")),
        Column("kind", Kind.CHOICE, "pallet when empty.", "pallet", False, ("类型",), _UNIT_KINDS),
        Column("epc", Kind.CODE, "The EPC on it.", "", False, ("标签",)),
        Column("parent", Kind.CODE, "The unit it is in.", "", False, ("上级",)),
    ),
    ("code",),
)
DOCUMENTS = Template(
    "documents",
    "Open documents, a row for each line; rows of one kind and number are one document.",
    (
        Column("kind", Kind.CODE, "The kind of document.", "purchase_receipt", True, ("单据类型",)),
        Column("number", Kind.CODE, "Its number.", "PO-4711", True, ("单号", "单据编号")),
        Column("line_no", Kind.WHOLE, "The line; counted when empty.", "1", False, ("行号",)),
        _ITEM,
        Column("quantity", Kind.QUANTITY, "What is still open of it.", "48", True, ("数量",)),
        Column("unit", Kind.UNIT, "The item's own unit when empty.", "pc", False, ("uom", "单位")),
        Column("unit_cost", Kind.QUANTITY, "The price of one.", "", False, ("单价",)),
        _LOT,
        Column("partner", Kind.TEXT, "Supplier or customer.", "Supplier Ltd", False, ("往来单位", "供应商", "客户")),
        Column("door", Kind.CODE, "The portal it is expected at; any when empty.", "door-1", False, ("月台",)),
        Column("expected_on", Kind.DATE, "The day it is expected.", "2026-03-01", False, ("预计日期",)),
        Column("source", Kind.CODE, "Transfers: from where.", "", False, ("源库位",)),
        Column("target", Kind.CODE, "Transfers: to where.", "", False, ("目标库位",)),
        Column("owner", Kind.CODE, "Whose goods the line is about; ours when empty.", "", False, ("货主",)),
    ),
)
BOMS = Template(
    "boms",
    "Bills of material, a row for each component; rows of one item and version are one bill.",
    (
        Column("item", Kind.CODE, "What is made.", "PUMP-7", True, ("product", "产品编码", "母件")),
        Column("version", Kind.CODE, "The bill's version.", "1", True, ("版本",)),
        Column("component", Kind.CODE, "What it is made of.", "A-100", True, ("子件", "组件编码")),
        Column("quantity", Kind.QUANTITY, "How much of it for the bill's output.", "2", True, ("用量", "数量")),
        Column("scrap_percent", Kind.QUANTITY, "Share that is lost on the way; 0 when empty.", "0", False, ("损耗率",)),
        Column("output_quantity", Kind.QUANTITY, "What the bill makes; 1 when empty.", "1", False, ("产出数量",)),
        Column("phantom", Kind.FLAG, "Whether it is never stocked.", "no", False, ("虚拟件",)),
        Column("effective_from", Kind.DATE, "The first day it counts.", "2026-01-01", False, ("生效日期",)),
        Column("effective_to", Kind.DATE, "The last day it counts.", "", False, ("失效日期",)),
    ),
)
OPENING_STOCK = Template(
    "opening-stock",
    "What lay where when the books began. Lots, serials and handling units it names are made.",
    (
        _ITEM,
        Column("location", Kind.CODE, "Where it lies.", "RACK-1-03", True, ("bin", "库位", "库位编码", "货位")),
        Column("quantity", Kind.QUANTITY, "How much, above zero.", "48", True, ("qty", "数量", "库存数量")),
        Column(
            "unit", Kind.UNIT, "The item's own unit when empty; others are converted.", "pc", False, ("uom", "单位")
        ),
        _LOT,
        _EXPIRES,
        _SUPPLIER_LOT,
        _SERIAL,
        Column("handling_unit", Kind.CODE, "The pallet, carton or tote.", "", False, ("托盘号", "容器编码")),
        Column("status", Kind.CHOICE, "available when empty.", "available", False, ("状态", "库存状态"), _STATUS),
        Column("received_on", Kind.DATE, "The day it came, for FIFO and ageing.", "2025-11-03", False, ("入库日期",)),
        Column("unit_cost", Kind.QUANTITY, "What one of the item's own unit cost.", "", False, ("单价", "成本单价")),
        Column("owner", Kind.CODE, "Whose it is; ours when empty.", "", False, ("货主",)),
    ),
)

_ALL = (
    CATEGORIES, ITEMS, UNITS, PARTNERS, LOCATIONS, LOTS, BOMS, TAGS, HANDLING_UNITS, DOCUMENTS, OPENING_STOCK,
)  # fmt: skip
TEMPLATES = {template.name: template for template in _ALL}
