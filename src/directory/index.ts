/** The public face of the directory: the only file other modules import. */

export { addAbsence } from "./absence.ts";
export { AccountTie, tieAccount } from "./account-tie.ts";
export {
  type AbsencePeriod,
  absenceOn,
  absencesOn,
  isAvailable,
  minutesOn,
  type Technician,
} from "./availability.ts";
export { addScope } from "./coordinator-scope.ts";
export { createDepartment, Department } from "./department.ts";
export {
  addWorkingDays,
  type Calendar,
  countWorkingDays,
  holidayOn,
  holidaysOf,
  isWorkingDay,
  weekdayOf,
} from "./holidays.ts";
export { OFFICE_HOURS, type WeekHours } from "./hours.ts";
export { listPlaceNames } from "./queries/places.ts";
export {
  findStaffAmong,
  findStaffCalled,
  type StaffCalled,
  staffById,
  staffNames,
  staffOf,
  staffSortName,
  wholeStaff,
} from "./queries/staff.ts";
export { listTechnicians } from "./queries/technicians.ts";
export { accountsTiedTo } from "./queries/ties.ts";
export { createSite, Site } from "./site.ts";
export {
  createStaffMember,
  createStaffMembers,
  deactivateStaffMember,
  noteSmsConsent,
  type StaffDetails,
  StaffMember,
  tidyNumber as tidyStaffNumber,
} from "./staff-member.ts";
export { setTechnicianHours } from "./technician-hours.ts";
