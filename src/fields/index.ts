export { changedField } from "./changed.ts";
export { type Control, controlOf, type People } from "./control.ts";
export { type Conversion, convertValues } from "./convert.ts";
export {
  canBeUnique,
  checkField,
  checkFields,
  codeFor,
  FIELD_TYPES,
  FieldDefinition,
  FieldDefinitions,
  type FieldOption,
  type FieldType,
  type FieldValue,
  type FieldValues,
  MOST_FIELDS,
  newField,
  rulesOf,
  TYPE_LABELS,
} from "./definition.ts";
export { FIELD_LABELS, FieldForm, fieldFrom, formOf, SWITCHES } from "./form.ts";
export { type Answer, readDate, readHour, readMoment } from "./moments.ts";
export { readNumber } from "./numbers.ts";
export {
  OPERATORS,
  type Operand,
  type OperandKind,
  type Operator,
  operatorOf,
  PERIODS,
  type Period,
  periodDays,
  readOperand,
} from "./operators.ts";
export { proposeType } from "./propose.ts";
export { type Condition, fieldCondition, fieldSortKey, type SortKey } from "./queries.ts";
export { type Reading, type ReadValue, readerOf, readValue } from "./read.ts";
export { samplesOf } from "./sample.ts";
export { cellText, type Showing, searchText, showValue, typedValue } from "./show.ts";
export { bare, tidy } from "./text.ts";
export { dayOf, type Found, hourOf, instantOf, type Local, localOf, shiftDay, startOfDay } from "./zone.ts";
