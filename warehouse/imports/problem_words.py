"""What the problems of an import mean in Chinese, by their code: the file in which people correct them.

The message of one case names its values and stays as it is, in a column of its own.
"""

COLUMNS = ("行号", "列", "严重程度", "问题", "处理方法", "原值", "代码", "原文")
SEVERITIES = {"error": "错误", "warning": "警告"}
# Code: what it means, what to do.
WORDS: dict[str, tuple[str, str]] = {
    "beyond_tolerance": ("差异超出允许范围", "请核对"),
    "code_destroyed": ("编码被表格软件改成了数字，已无法还原", "请将该列设为文本格式后重新填写"),
    "column_twice": ("该列出现两次", "请删除其中一列"),
    "control_quantity": ("数量合计与控制数不符", "请核对文件是否完整"),
    "control_rows": ("行数与控制数不符", "请核对文件是否完整"),
    "exists": ("已经存在", "请删除该行，或使用其他编码"),
    "imported_already": ("该文件已导入", "无需再次导入"),
    "in_the_future": ("日期尚未到来", "请更正日期"),
    "invalid": ("内容不符合规则", "请更正单元格"),
    "item_retired": ("物料已停用", "请启用该物料，或删除该行"),
    "location_closed": ("库位已关闭", "请打开该库位，或使用其他库位"),
    "lot_blocked": ("批次已冻结", "请将状态写为 blocked"),
    "lot_expired": ("批次已过期", "请将状态写为 blocked，或不导入该行"),
    "lot_expiry_differs": ("批次有效期不一致", "请更正日期，或留空"),
    "lot_of_other_item": ("批次属于其他物料", "请填写该物料自己的批次"),
    "lot_required": ("该物料按批次管理", "请填写批次"),
    "missing": ("单元格为空", "请填写"),
    "missing_column": ("缺少该列", "请补上该列，或使用模板"),
    "negative_cost": ("成本小于零", "请更正成本"),
    "no_header": ("没有表头", "请删除表头上方的行，使表头成为第一行"),
    "no_rows": ("表头下没有数据", "请填写数据"),
    "not_a_choice": ("不是可用的选项", "请使用模板中列出的选项"),
    "not_a_date": ("不是明确的日期", "请写成 2026-03-01 的形式"),
    "not_a_number": ("不是数字", "请只写数字和一个小数点，例如 1234.5"),
    "not_a_store": ("该库位不存放库存", "请使用内部库位"),
    "not_found": ("没有此编码", "请更正编码，或先导入它"),
    "not_whole": ("不是整数", "请写整数"),
    "not_yes_or_no": ("既不是“是”也不是“否”", "请写“是”或“否”"),
    "number_cell": ("单元格是数字，前导零（如有）已丢失", "请将该列设为文本格式"),
    "out_of_range": ("数字过大或小数位过多", "小数点前最多 15 位，后最多 9 位"),
    "period_closed": ("期间已关闭", "请使用最后关账日之后的日期"),
    "quantity_not_positive": ("数量不大于零", "请使用大于零的数量"),
    "quantity_scale": ("该单位没有这样的小数", "请按单位的小数位取整"),
    "same_place_twice": ("前面已有相同物料、批次和库位的行，两行都计入", "请确认不是同一批货物重复填写"),
    "serial_in_stock": ("序列号已在库或重复", "请删除该行"),
    "serial_of_other_item": ("序列号属于其他物料", "请填写该物料自己的序列号"),
    "serial_of_other_lot": ("序列号属于其他批次", "请填写该序列号的批次"),
    "serial_quantity": ("一个序列号只有一件", "每个序列号一行，数量为 1"),
    "serial_required": ("该物料按序列号管理", "请填写序列号，每个一行"),
    "spreadsheet_error": ("单元格是表格软件的公式错误", "请更正公式或单元格"),
    "too_long": ("内容过长", "请缩短"),
    "too_many_cells": ("最后一列之后还有内容，可能是文本中的分隔符", "请用引号括起该文本"),
    "twice_in_file": ("文件中已有相同的行", "请删除其中一行"),
    "unit_in_two_places": ("装载单元会同时在两个库位", "请更正库位"),
    "unknown_column": ("没有此列", "请使用模板中的列名"),
    "unknown_item": ("没有此物料", "请更正编码，或先导入物料"),
    "unknown_location": ("没有此库位", "请更正编码，或先导入库位"),
    "unknown_owner": ("没有此货主", "请更正编码，或先导入往来单位"),
    "unknown_unit": ("该物料没有此单位", "请更正单位，或先导入换算关系"),
    "unreadable": ("文件无法读取", "请另存为 .xlsx 或 UTF-8 的 CSV 后重试"),
    "unusual_characters": ("含有容易混淆的字符", "请核对编码"),
    "zero_quantity": ("数量为零，未计入", ""),
    "zeros_restored": ("按单元格格式补上了前导零", "请核对编码"),
}


def in_chinese(
    row: int, column: str, severity: str, code: str, value: str, message: str, fix: str
) -> tuple[object, ...]:
    """One line of the file, in the order of `COLUMNS`."""
    meaning, todo = WORDS.get(code, (message, fix))
    return row, column, SEVERITIES.get(severity, severity), meaning, todo, value, code, f"{message}; {fix}"
