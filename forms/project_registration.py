"""Forms of ``bpmn_diagrams/project_registration.bpmn``: property to inspector (REG, ASG)."""

from forms.base import TaskForm, user_task
from forms.fields import (
    CheckField,
    ChoiceField,
    CodeField,
    CompanyIdField,
    DecimalField,
    DigitsField,
    DocumentField,
    IntegerField,
    LongTextField,
    MobileField,
    NationalCodeField,
    PostalCodeField,
    RowForm,
    RowsField,
    SelectField,
    TextField,
)
from forms.validators import NumberBetween, Required, RequiredWhen
from models.choice import Choice
from models.language import lazy

SOURCES = [
    Choice("new", lazy("ثبت ملک جدید"), lazy("ملکی که هنوز در سازمان کد ندارد")),
    Choice("existing", lazy("ملک ثبت‌شده"), lazy("ملکی که در سازمان کد دارد و باید جستجو شود")),
]
OWNER_KINDS = [Choice("person", lazy("شخص حقیقی")), Choice("company", lazy("شخص حقوقی"))]
RISERS = [
    Choice("none", lazy("علمک ندارد")),
    Choice("requested", lazy("درخواست شده، نصب نشده")),
    Choice("installed", lazy("نصب شده")),
]
WORK_TYPES = [Choice("surface", lazy("روکار")), Choice("concealed", lazy("زیرکار (توکار)"))]
USAGES = [
    Choice("residential", lazy("مسکونی")),
    Choice("commercial", lazy("تجاری")),
    Choice("office", lazy("اداری")),
    Choice("public", lazy("عمومی (آموزشی، درمانی، مذهبی)")),
    Choice("workshop", lazy("کارگاهی")),
    Choice("motor_room", lazy("موتورخانه")),
    Choice("other", lazy("دیگر")),
]


@user_task("choose_property")
class ChooseProperty(TaskForm):
    """Is the property new to the organisation (REG-1)?"""

    source = ChoiceField(lazy("ملک"), [Required(lazy("نوع ملک را انتخاب کنید: جدید یا ثبت‌شده."))], options=SOURCES)


@user_task("register_property")
class RegisterProperty(TaskForm):
    """A property that the organisation does not know yet (REG-2). The districts are run-time choices of ``region``."""

    region = SelectField(lazy("منطقهٔ شهرداری"), [Required(lazy("منطقه را انتخاب کنید."))])
    main_plate = DigitsField(lazy("پلاک ثبتی اصلی"), [Required(lazy("پلاک ثبتی اصلی را وارد کنید."))], most=12)
    sub_plate = DigitsField(lazy("پلاک ثبتی فرعی"), [Required(lazy("پلاک ثبتی فرعی را وارد کنید."))], most=12)
    renovation_code = CodeField(
        lazy("کد نوسازی"),
        [Required(lazy("کد نوسازی را وارد کنید."))],
        description=lazy("مانند ۱-۲-۳-۴-۰-۰-۰، از روی قبض نوسازی"),
        most=30,
    )
    postal_code = PostalCodeField(lazy("کد پستی"), [Required(lazy("کد پستی ده‌رقمی را وارد کنید."))])
    address = LongTextField(
        lazy("نشانی"),
        [Required(lazy("نشانی ملک را وارد کنید."))],
        most=500,
        render_kw={"rows": 3, "autocomplete": "street-address"},
    )
    land_area = DecimalField(
        lazy("مساحت زمین"),
        [Required(lazy("مساحت زمین را وارد کنید.")), NumberBetween(0, 1_000_000, above=True)],
        unit=lazy("مترمربع"),
    )
    floors = IntegerField(lazy("تعداد طبقات"), [Required(lazy("تعداد طبقات را وارد کنید.")), NumberBetween(1, 200)])


@user_task("find_property")
class FindProperty(TaskForm):
    """Search for a property that the organisation knows, and choose one of the hits (REG-3).

    The hits are the run-time choices of ``property``, the districts those of ``region``; searching is refreshing.
    """

    refresh_label = lazy("جستجو")

    property_code = CodeField(lazy("کد ثبتی سازمان"))
    region = SelectField(lazy("منطقهٔ شهرداری"))
    main_plate = DigitsField(lazy("پلاک ثبتی اصلی"), most=12)
    sub_plate = DigitsField(lazy("پلاک ثبتی فرعی"), most=12)
    renovation_code = CodeField(lazy("کد نوسازی"), most=30)
    property = ChoiceField(lazy("ملک‌های پیداشده"), [Required(lazy("ملک را جستجو و یکی را انتخاب کنید."))])


@user_task("register_owner")
class RegisterOwner(TaskForm):
    """The project's owner: a natural person or a company; only the chosen kind's fields count (REG-4)."""

    owner_kind = ChoiceField(
        lazy("مالک"), [Required(lazy("نوع مالک را انتخاب کنید: شخص حقیقی یا حقوقی."))], options=OWNER_KINDS
    )
    first_name = TextField(
        lazy("نام"),
        [RequiredWhen("owner_kind", "person", lazy("نام مالک را وارد کنید."))],
        shown_when=("owner_kind", "person"),
        most=100,
    )
    last_name = TextField(
        lazy("نام خانوادگی"),
        [RequiredWhen("owner_kind", "person", lazy("نام خانوادگی مالک را وارد کنید."))],
        shown_when=("owner_kind", "person"),
        most=100,
    )
    father_name = TextField(
        lazy("نام پدر"),
        [RequiredWhen("owner_kind", "person", lazy("نام پدر مالک را وارد کنید."))],
        shown_when=("owner_kind", "person"),
        most=100,
    )
    national_code = NationalCodeField(
        lazy("کد ملی"),
        [RequiredWhen("owner_kind", "person", lazy("کد ملی مالک را وارد کنید."))],
        shown_when=("owner_kind", "person"),
    )
    company_name = TextField(
        lazy("نام شرکت"),
        [RequiredWhen("owner_kind", "company", lazy("نام شرکت را وارد کنید."))],
        shown_when=("owner_kind", "company"),
    )
    national_id = CompanyIdField(
        lazy("شناسهٔ ملی"),
        [RequiredWhen("owner_kind", "company", lazy("شناسهٔ ملی شرکت را وارد کنید."))],
        shown_when=("owner_kind", "company"),
    )
    registration_number = DigitsField(
        lazy("شمارهٔ ثبت"),
        [RequiredWhen("owner_kind", "company", lazy("شمارهٔ ثبت شرکت را وارد کنید."))],
        shown_when=("owner_kind", "company"),
        most=15,
    )
    agent_name = TextField(
        lazy("نام نماینده"),
        [RequiredWhen("owner_kind", "company", lazy("نام نمایندهٔ شرکت را وارد کنید."))],
        shown_when=("owner_kind", "company"),
    )
    mobile = MobileField(lazy("شمارهٔ همراه"), [Required(lazy("شمارهٔ همراه را وارد کنید."))])


@user_task("register_building")
class RegisterBuilding(TaskForm):
    """The building and the kind of work; saving gives the project its number (REG-5)."""

    building_name = TextField(lazy("نام ساختمان"))
    riser_status = SelectField(lazy("وضعیت علمک"), [Required(lazy("وضعیت علمک را انتخاب کنید."))], options=RISERS)
    work_type = ChoiceField(
        lazy("نوع کار"), [Required(lazy("نوع کار را انتخاب کنید: روکار یا زیرکار."))], options=WORK_TYPES
    )
    is_block = CheckField(lazy("ساختمان بلوک است"))


class MeterFields:
    """The fields of a gas meter. A decision table gives its class; nobody types it (REG-7)."""

    units = IntegerField(lazy("تعداد واحدها"), [Required(lazy("تعداد واحدها را وارد کنید.")), NumberBetween(1, 1000)])
    usage = SelectField(lazy("کاربری"), [Required(lazy("کاربری را انتخاب کنید."))], options=USAGES)
    floor_area = DecimalField(
        lazy("زیربنا"),
        [Required(lazy("زیربنا را وارد کنید.")), NumberBetween(0, 100_000, above=True)],
        unit=lazy("مترمربع"),
    )
    consumption = DecimalField(
        lazy("مصرف"),
        [Required(lazy("مصرف را وارد کنید.")), NumberBetween(0, 10_000, above=True)],
        unit=lazy("مترمکعب در ساعت"),
    )


class MeterRow(MeterFields, RowForm):
    """One gas meter of the project."""


@user_task("register_meters")
class RegisterMeters(TaskForm):
    """The project's meters, one row each (REG-6)."""

    refresh_label = lazy("محاسبهٔ کلاس کنتورها")

    meters = RowsField(
        MeterRow,
        lazy("کنتورها"),
        max_rows=100,
        add_label=lazy("افزودن کنتور"),
        remove_label=lazy("حذف کنتور"),
        too_few=lazy("حداقل یک کنتور ثبت کنید."),
    )
    all_registered = CheckField(
        lazy("همهٔ کنتورهای این پروژه ثبت شده‌اند"),
        [Required(lazy("اگر همهٔ کنتورها ثبت شده‌اند، این گزینه را علامت بزنید."))],
    )


class DocumentRow(RowForm):
    """A file under its title."""

    title = SelectField(lazy("عنوان مدرک"), [Required(lazy("عنوان مدرک را انتخاب کنید."))])
    document = DocumentField(lazy("فایل"), [Required(lazy("فایل مدرک را بارگذاری کنید."))])


@user_task("upload_documents")
class UploadDocuments(TaskForm):
    """Documents by title. Which titles there are and which are mandatory, a decision table says (REG-9)."""

    refresh_label = lazy("ذخیرهٔ مدارک")

    documents = RowsField(
        DocumentRow,
        lazy("مدارک"),
        min_rows=0,
        add_label=lazy("افزودن مدرک"),
        remove_label=lazy("حذف مدرک"),
    )


@user_task("review_invoice")
class ReviewInvoice(TaskForm):
    """The invoice was read; payment comes next (REG-10)."""

    submit_label = lazy("تایید صورت‌حساب و رفتن به پرداخت")


@user_task("change_step")
class ChangeStep(TaskForm):
    """Back to an earlier step, as long as nothing is paid (REG-13)."""

    inline = True
    submit_label = lazy("رفتن به این گام")

    step = SelectField(lazy("ویرایش گام"), [Required(lazy("گامی را که می‌خواهید ویرایش کنید انتخاب کنید."))])


@user_task("cancel_registration")
class CancelRegistration(TaskForm):
    """The contractor gives an unpaid registration up (REG-13)."""

    inline = True
    submit_label = lazy("انصراف از ثبت پروژه")
    confirm = lazy("ثبت پروژه لغو شود؟ لغو برگشت ندارد.")

    reason = LongTextField(lazy("دلیل انصراف"), most=500, render_kw={"rows": 2})


@user_task("assign_by_hand")
class AssignByHand(TaskForm):
    """The gas office chooses the inspector where the automatic choice had no candidate (ASG-3)."""

    submit_label = lazy("تعیین بازرس")

    inspector = SelectField(lazy("بازرس"), [Required(lazy("بازرس را انتخاب کنید."))])
    note = LongTextField(
        lazy("توضیح"), most=500, render_kw={"rows": 3}, description=lazy("دلیل این انتخاب؛ در پرونده می‌ماند")
    )
